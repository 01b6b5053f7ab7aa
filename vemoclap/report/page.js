"use strict";
// Links of the form #t=12.3 move the player there, and the timeline follows it. All else of the
// page works without this script.
(() => {
  // In a frame made of text ("srcdoc") a link to a section would load the page around it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (location.protocol !== "about:" || !link) return;
    event.preventDefault();
    const place = document.getElementById(link.getAttribute("href").slice(1));
    if (!place) return;
    place.tabIndex = -1;
    place.scrollIntoView();
    place.focus({ preventScroll: true });
  });

  const player = document.getElementById("player");
  if (!player) return;
  const box = document.getElementById("stage");
  const lanes = document.getElementById("lanes");
  const head = document.getElementById("head");
  const slider = document.getElementById("position");
  const shown = document.getElementById("shown");
  const said = document.getElementById("said");
  const close = document.getElementById("unpin");
  const offset = Number(player.dataset.offset); // the file's clock at the first frame
  const length = Number(slider.max);
  const cues = [...document.querySelectorAll("tr[data-from]")];
  let wanted = false; // whether the reader has used the player
  let away = false; // whether its place is out of sight

  const clock = (time) => {
    const whole = Math.floor(time);
    const pad = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${pad(minutes)}` : `${minutes}`) + `:${pad(whole % 60)}`;
  };
  const follow = () => {
    const time = Math.min(length, Math.max(0, player.currentTime - offset));
    if (document.activeElement !== slider || !player.seeking) slider.value = time;
    slider.setAttribute("aria-valuetext", clock(time));
    shown.textContent = clock(time);
    head.style.left = `${(100 * time) / length}%`;
    for (const row of cues) {
      row.classList.toggle("now", wanted && time >= row.dataset.from && time < row.dataset.to);
    }
  };
  const pin = () => {
    const small = away && wanted;
    box.style.minHeight = small ? `${box.offsetHeight}px` : "";
    box.classList.toggle("pinned", small);
    close.hidden = !small;
  };
  const seek = (time, aloud) => {
    const place = Math.min(length, Math.max(0, time));
    player.currentTime = offset + place;
    slider.value = place; // before any key: while it has the focus, a seek under way leaves it
    wanted = true;
    pin();
    if (aloud) said.textContent = `The video is at ${clock(time)}.`;
  };
  const asked = (hash) => {
    const found = /^#t=(\d+(?:\.\d+)?)$/.exec(hash);
    return found ? Number(found[1]) : null;
  };
  const lost = () => {
    document.getElementById("lost").hidden = false;
    box.classList.add("gone");
    close.hidden = true;
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#t="]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const time = asked(link.getAttribute("href"));
    if (time === null) return;
    event.preventDefault();
    seek(time, true);
  });
  lanes.addEventListener("click", (event) => {
    const place = head.parentElement.getBoundingClientRect();
    seek((length * (event.clientX - place.left)) / place.width, false);
  });
  slider.addEventListener("input", () => seek(Number(slider.value), false));
  close.addEventListener("click", () => {
    wanted = false;
    player.pause();
    pin();
  });
  for (const name of ["timeupdate", "seeking", "seeked", "loadedmetadata"]) {
    player.addEventListener(name, follow);
  }
  player.addEventListener("play", () => { wanted = true; });
  player.addEventListener("error", lost);
  new IntersectionObserver(([entry]) => {
    away = !entry.isIntersecting;
    pin();
  }).observe(box);

  document.getElementById("control").hidden = false;
  document.body.classList.add("live");
  if (player.error) lost();
  const start = asked(location.hash);
  if (start !== null) seek(start, false);
  window.addEventListener("hashchange", () => {
    const time = asked(location.hash);
    if (time !== null) seek(time, true);
  });
  follow();
})();
