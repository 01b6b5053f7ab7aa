"use strict";
(() => {
  const LIMIT_MB = {{ resources.upload_mb }};
  const ASK_EVERY_MS = 10000;

  // What is too large would break the connection, so it is not sent at all. The field for files of
  // ipywidgets is in no document; it is met when its button clicks it.
  let asking = null; // the card whose button asks for a file
  const refuse = (event) => {
    const field = event.target;
    const size = field.files.length ? field.files[0].size : 0;
    const told = (asking ?? document).querySelector(".vc-limit");
    const tooLarge = size > LIMIT_MB * 1e6;
    told.classList.toggle("vc-note", tooLarge);
    told.classList.toggle("vc-bad", tooLarge);
    told.classList.toggle("vc-soft", !tooLarge);
    told.textContent = tooLarge
      ? `This file has ${Math.ceil(size / 1e6)} MB and the limit is ${LIMIT_MB} MB; ` +
        "cut the video, or give its path in step 3."
      : `Videos of up to ${LIMIT_MB} MB and one hour.`;
    if (!tooLarge) return;
    event.stopImmediatePropagation();
    field.value = "";
  };
  const click = HTMLInputElement.prototype.click;
  HTMLInputElement.prototype.click = function () {
    if (this.type === "file") {
      asking = document.activeElement?.closest(".vc-card");
      this.addEventListener("change", refuse, true); // once, even if again
    }
    click.call(this);
  };

  // A page whose process is gone looks alive, so it is asked for now and then.
  const settings = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const visit = `${settings.baseUrl}visits/${settings.kernelId}`;
  addEventListener("pagehide", () => navigator.sendBeacon(visit));
  const gone = document.getElementById("vc-gone");
  const tell = (message) => {
    gone.textContent = message;
    gone.hidden = !message;
  };
  setInterval(async () => {
    try {
      const answer = await fetch(visit);
      tell(answer.ok ? "" : "The session of this page has ended; reload the page to start anew.");
    } catch {
      tell("vemoclap does not answer; if it was stopped, start it again and reload this page.");
    }
  }, ASK_EVERY_MS);
})();
