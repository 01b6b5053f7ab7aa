#!/usr/bin/env bash
# Runs what every OCR engine must keep on PaddleOCR too, in an environment of its own, build/paddle,
# since PaddleOCR's pins (of OpenCV, numpy and PyYAML) clash with those of the other tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
VENV=build/paddle EXTRAS="dev paddle" bash setup.sh
build/paddle/bin/python -m pip check --disable-pip-version-check
build/paddle/bin/pytest tests/test_paddle_ocr.py tests/test_engines.py -k paddle "$@"
