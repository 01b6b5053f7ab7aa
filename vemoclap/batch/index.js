"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("list");
  const items = Array.from(list.children);
  const controls = ["words", "ending", "emotion", "order"].map(byId);
  const [words, ending, emotion, order] = controls;
  const valueOf = (control) => (control ? control.value : "");
  const shares = new Map(items.map((item) => [item, new Map(
    item.dataset.shares.trim().split(" ").filter(Boolean).map((pair) => {
      const [name, share] = pair.split(":");
      return [name, Number(share)];
    }))]));
  const show = () => {
    const wanted = valueOf(words).trim().toLowerCase();
    let count = 0;
    for (const item of items) {
      const fits = item.dataset.name.includes(wanted)
        && (!valueOf(ending) || item.dataset.ending === valueOf(ending))
        && (!valueOf(emotion) || item.dataset.emotion === valueOf(emotion));
      item.hidden = !fits;
      count += fits ? 1 : 0;
    }
    byId("shown").textContent = `${count} of ${items.length} shown`;
  };
  const sort = () => {
    const by = valueOf(order);
    const share = (item) => shares.get(item).get(by) ?? -1;
    const sorted = by ? [...items].sort((a, b) => share(b) - share(a)) : items;
    list.append(...sorted);
  };
  for (const control of controls) {
    if (control) control.addEventListener("input", control === order ? sort : show);
  }
  byId("filters").hidden = false;
  show();
})();
