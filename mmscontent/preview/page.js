"use strict";
// Plays the slides of the page's own data. Everything from the message is set as text or as an attribute of a known
// element, never as markup; nothing is fetched.
(() => {
  const plan = JSON.parse(document.getElementById("plan").textContent);
  const $ = (id) => document.getElementById(id);
  const player = $("player"), screen = $("screen"), scrub = $("scrub"), play = $("play");
  const starts = [];
  let total = 0;
  for (const slide of plan.slides) { starts.push(total); total += slide.duration; }
  let time = 0, playing = false, since = 0, shown = -1, ticker = 0;

  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const seconds = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${Math.floor(ms / 100) % 10}`;
  const at = (ms) => { let i = starts.length - 1; while (i > 0 && ms < starts[i]) i -= 1; return i; };

  // --- what stands on the screen -----------------------------------------------------------------------------------
  const chip = (part) => {
    const made = make("div", "chip");
    made.append(make("b", "", part.label), make("span", "", part.unplayable || "it cannot be shown"));
    return made;
  };
  const medium = (part, alt) => {
    if (part.play === "text") { const p = make("p", "", part.text); p.dir = "auto"; return p; }
    const held = $(`part-${part.index}`);
    if (!part.play || !held) return chip(part);
    const made = document.createElement(part.play);
    if (part.play === "img") made.alt = alt || part.label;
    if (part.play === "video") { made.playsInline = true; made.preload = "auto"; made.setAttribute("aria-label", alt || part.label); }
    made.addEventListener("error", () => made.replaceWith(chip({ ...part, unplayable: "this browser cannot show it" })));
    made.src = held.currentSrc || held.src;
    return made;
  };
  const place = (item) => {
    const part = item.part === null ? undefined : plan.parts[item.part];
    if (item.element === "audio") return sound(part, item);
    if (item.element === "ref") return null;
    const box = plan.regions[item.region] || plan.whole;
    const made = make("div", `region fit-${box.fit}${item.element === "text" ? " words" : ""}`);
    for (const side of ["left", "top", "width", "height"]) made.style[side] = `${box[side]}%`;
    if (item.element === "text") { made.tabIndex = 0; made.setAttribute("role", "group"); made.setAttribute("aria-label", "Text of the slide"); }
    made.append(part ? medium(part, item.alt) : chip({ label: item.src, unplayable: "no part has this name" }));
    return made;
  };
  const sound = (part, item) => {
    const made = make("div", "sounding"), bars = make("span", "bars");
    bars.setAttribute("aria-hidden", "true");
    bars.append(make("i"), make("i"), make("i"));
    made.append(bars, make("span", "", part ? part.label : item.src));
    const held = part && part.play === "audio" && $(`part-${part.index}`);
    if (held) {
      const audio = document.createElement("audio");
      audio.preload = "auto";
      audio.addEventListener("error", () => audio.remove());
      audio.src = held.src;
      made.append(audio);
    }
    return made;
  };
  const build = (index) => {
    const slide = plan.slides[index];
    screen.replaceChildren(...(slide ? slide.shown.map(place).filter(Boolean) : []));
    player.dataset.slide = String(index);
    player.dispatchEvent(new CustomEvent("slide", { detail: { index, time } }));
    document.querySelectorAll(".timeline button").forEach((b, i) => {
      if (i === index) b.setAttribute("aria-current", "step"); else b.removeAttribute("aria-current");
    });
    $("now").textContent = slide ? `Slide ${index + 1} of ${plan.slides.length}, ${(slide.duration / 1000).toFixed(1)} s: ${slide.why}` : "";
  };
  const keepInStep = () => {
    const into = (time - (starts[shown] || 0)) / 1000;
    screen.querySelectorAll("audio, video").forEach((m) => {
      if (Number.isFinite(m.duration) && Math.abs(m.currentTime - Math.min(into, m.duration)) > 0.35) m.currentTime = Math.min(into, m.duration);
      if (playing && m.paused && !m.ended && !(into >= m.duration)) m.play().catch(() => {});
      if (!playing && !m.paused) m.pause();
    });
  };

  // --- time -------------------------------------------------------------------------------------------------------
  const show = () => {
    const index = plan.slides.length ? at(time) : -1;
    if (index !== shown) { shown = index; build(index); }
    scrub.value = String(Math.round(time));
    scrub.setAttribute("aria-valuetext", `${seconds(time)} of ${seconds(total)}, slide ${index + 1}`);
    $("clock").textContent = `${seconds(time)} / ${seconds(total)}`;
    player.dataset.time = String(Math.round(time));
    keepInStep();
  };
  const tick = () => {
    const now = performance.now();
    time = Math.min(total, time + now - since);
    since = now;
    if (time >= total) stop();
    show();
  };
  const stop = () => {
    playing = false;
    clearInterval(ticker);
    player.classList.remove("playing");
    play.textContent = "Play";
    show();
  };
  const start = () => {
    if (!total) return;
    if (time >= total) time = 0;
    playing = true;
    since = performance.now();
    player.classList.add("playing");
    play.textContent = "Pause";
    clearInterval(ticker);
    ticker = setInterval(tick, 25);
    show();
  };
  const seek = (ms) => { time = Math.max(0, Math.min(total, ms)); since = performance.now(); show(); };
  const step = (by) => seek(starts[Math.max(0, Math.min(starts.length - 1, at(time) + by))] || 0);

  play.addEventListener("click", () => (playing ? stop() : start()));
  $("back").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  scrub.max = String(total);
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  document.querySelectorAll(".timeline li").forEach((li, i) => {
    li.style.flexGrow = String(Math.max(1, plan.slides[i].duration));
    li.firstElementChild.addEventListener("click", () => seek(starts[i]));
  });

  // --- the phones -------------------------------------------------------------------------------------------------
  const fit = () => {
    const [w, h] = plan.devices[$("device").value] || [360, 780];
    const turned = document.querySelector("input[name=turn]:checked").value === "landscape";
    const wide = turned ? h : w, high = turned ? w : h;
    const scale = Math.min(300 / wide, 620 / high, 2);
    for (const each of document.querySelectorAll(".screen")) {
      each.style.width = `${Math.round(wide * scale)}px`;
      each.style.height = `${Math.round(high * scale)}px`;
    }
    screen.style.fontSize = `${Math.max(9, Math.round(Math.min(wide, high) / 20 * scale))}px`;
  };
  $("device").addEventListener("change", fit);
  document.querySelectorAll("input[name=turn]").forEach((r) => r.addEventListener("change", fit));
  document.querySelectorAll("input[name=tone]").forEach((r) => r.addEventListener("change", () => {
    $("talk").classList.toggle("dark", r.value === "dark" && r.checked);
  }));
  $("regions").addEventListener("change", () => screen.classList.toggle("show-regions", $("regions").checked));
  if (plan.background) screen.style.background = plan.background;
  document.querySelectorAll("img[data-from]").forEach((img) => { const held = $(img.dataset.from); if (held) img.src = held.src; });
  document.querySelectorAll(".wipe").forEach((range) => {
    const over = range.previousElementSibling.querySelector("img + img");
    const edge = range.previousElementSibling.querySelector(".edge");
    const wipe = () => { over.style.clipPath = `inset(0 0 0 ${range.value}%)`; edge.style.left = `${range.value}%`; };
    range.addEventListener("input", wipe);
    wipe();
  });
  document.querySelectorAll(".bubble img, .bubble video").forEach((m) => m.addEventListener("error", () => {
    const made = make("span", "", "this browser cannot show it");
    m.after(made);
    m.hidden = true;
  }));
  fit();
  show();
  document.documentElement.dataset.ready = "yes";
})();
