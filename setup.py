"""What pyproject.toml cannot say: some files of the top folder go into the wheel."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TOP = ("app.ipynb", "ekman_blacklist.txt")
SAMPLES = ("truth.json", "*.mp4", "*.webm")


class BuildWithBundled(build_py):
    """Copies them to where ``vemoclap.files.bundled`` looks outside a checkout."""

    def run(self):
        """Build as ever, and add them, unless the installation is to use the checkout."""
        super().run()
        if self.editable_mode:
            return
        for file in (*map(Path, TOP), *(f for p in SAMPLES for f in Path("samples").glob(p))):
            target = Path(self.build_lib, "vemoclap", "bundled", file)
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildWithBundled})
