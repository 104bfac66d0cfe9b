// SPDX-License-Identifier: MIT
#if Server
/// The page at `/`: type, choose, hear the speech as it is made. No outside resource, no build step.
enum WebPage {
  /// What the page may do, as a browser enforces it.
  static let policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    + "media-src blob:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  static let html = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>qwen3-tts</title>
    <style>
    :root { color-scheme: light dark; --line: #8886; --soft: #8882; --main: #2563eb; }
    * { box-sizing: border-box; }
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; }
    h1 { font-size: 1.25rem; margin: .5rem 0 1rem; }
    h2 { font-size: 1rem; margin: 0 0 .5rem; }
    label { display: block; font-size: .875rem; margin-bottom: .25rem; }
    textarea, select, input { font: inherit; width: 100%; padding: .5rem; border: 1px solid var(--line);
      border-radius: .5rem; background: Canvas; color: CanvasText; }
    textarea { min-height: 8rem; resize: vertical; }
    .row { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
      margin: .75rem 0; }
    button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; cursor: pointer;
      background: var(--main); color: white; }
    button.plain { background: var(--soft); color: CanvasText; }
    button:disabled { opacity: .5; cursor: default; }
    :focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
    .bar { display: flex; gap: .5rem; align-items: center; flex-wrap: wrap; }
    #meter { width: 100%; height: .5rem; border-radius: .25rem; background: var(--soft); margin: 1rem 0 .5rem;
      overflow: hidden; }
    #level { height: 100%; width: 0; background: var(--main); }
    #error { color: #dc2626; white-space: pre-wrap; }
    section { border-top: 1px solid var(--line); margin-top: 1.5rem; padding-top: 1rem; }
    audio { width: 100%; margin-top: .5rem; }
    </style>
    </head>
    <body>
    <h1>qwen3-tts</h1>
    <form id="form">
      <label for="input">Text</label>
      <textarea id="input" required>Good morning. This is speech, made as you listen.</textarea>
      <div class="row">
        <div><label for="model">Model</label><select id="model"></select></div>
        <div><label for="voice">Voice</label><select id="voice"></select></div>
        <div><label for="language">Language</label><select id="language"></select></div>
        <div><label for="speed">Speed</label>
          <input id="speed" type="number" min="0.25" max="4" step="0.05" value="1"></div>
      </div>
      <label for="instructions">How to speak (models that take instructions)</label>
      <input id="instructions" placeholder="Calm and warm.">
      <label for="key" hidden>API key</label>
      <input id="key" type="password" autocomplete="off" placeholder="API key" hidden>
      <p class="bar">
        <button id="speak">Speak</button>
        <button id="stop" type="button" class="plain" disabled>Stop</button>
        <a id="download" hidden download="speech.wav">Save as WAV</a>
      </p>
    </form>
    <div id="meter" role="meter" aria-label="Level" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0">
      <div id="level"></div></div>
    <p id="status" aria-live="polite"></p>
    <p id="error" role="alert"></p>
    <section>
      <h2>Add a voice</h2>
      <form id="upload">
        <div class="row">
          <div><label for="name">Name</label><input id="name" required maxlength="64"></div>
          <div><label for="file">Recording</label><input id="file" type="file" accept="audio/*"></div>
        </div>
        <label for="transcript">What is said in it</label><input id="transcript">
        <p class="bar">
          <button class="plain">Upload</button>
          <button id="record" type="button" class="plain">Record</button>
        </p>
      </form>
      <p>Clone only voices whose owners agree.</p>
    </section>
    <script>
    "use strict";
    const $ = id => document.getElementById(id);
    const rate = 24000;
    let context, analyser, controller, recording, recorder;

    function headers() {
      const key = $("key").value || sessionStorage.getItem("key") || "";
      return key ? { Authorization: "Bearer " + key } : {};
    }

    async function get(path) {
      const response = await fetch(path, { headers: headers() });
      if (!response.ok) throw await problem(response);
      return response.json();
    }

    async function problem(response) {
      if (response.status === 401) { $("key").hidden = false; $("key").focus(); }
      try { return new Error((await response.json()).error.message); }
      catch { return new Error("The server answered with status " + response.status + "."); }
    }

    function fill(select, values, first) {
      select.replaceChildren(...(first ? [new Option(first, "")] : []),
        ...values.map(value => new Option(value, value)));
    }

    async function lists() {
      try {
        const models = await get("/v1/models");
        fill($("model"), models.data.map(model => model.id));
        const voices = await get("/v1/audio/voices");
        fill($("voice"), voices.voices.map(voice => voice.id), "default");
        const languages = new Set(voices.voices.flatMap(voice => voice.languages));
        fill($("language"), [...languages].sort(), "auto");
        $("error").textContent = "";
      } catch (error) { $("error").textContent = error.message; }
    }

    // Plays 16-bit samples from a stream as they come, each chunk where the one before ends.
    async function play(stream, started, signal) {
      context ??= new AudioContext({ sampleRate: rate });
      await context.resume();
      if (!analyser) {
        analyser = context.createAnalyser();
        analyser.fftSize = 1024;
        analyser.connect(context.destination);
        requestAnimationFrame(meter);
      }
      const reader = stream.getReader();
      const all = [];
      let time = 0, odd = null, first = 0, samples = 0, last;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (!value.length) continue;
        if (!first) first = performance.now() - started;
        let bytes = value;
        if (odd !== null) {
          bytes = new Uint8Array(value.length + 1);
          bytes[0] = odd;
          bytes.set(value, 1);
          odd = null;
        }
        if (bytes.length % 2) { odd = bytes[bytes.length - 1]; bytes = bytes.slice(0, -1); }
        if (!bytes.length) continue;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const floats = new Float32Array(bytes.length / 2);
        for (let i = 0; i < floats.length; ++i) floats[i] = view.getInt16(2 * i, true) / 32767;
        all.push(bytes.slice());
        samples += floats.length;
        const buffer = context.createBuffer(1, floats.length, rate);
        buffer.copyToChannel(floats, 0);
        const source = context.createBufferSource();
        source.buffer = buffer;
        source.connect(analyser);
        time = Math.max(time, context.currentTime + 0.02);
        source.start(time);
        last = source;
        time += buffer.duration;
        const seconds = samples / rate, wall = (performance.now() - started) / 1000;
        $("status").textContent = `${seconds.toFixed(1)} s of speech, first audio after ` +
          `${first.toFixed(0)} ms, ${(seconds / wall).toFixed(1)} × real time`;
      }
      const ended = new Promise(resolve => {
        if (!last || context.currentTime >= time) resolve();
        else last.onended = resolve;
        signal.addEventListener("abort", resolve);
      });
      return { chunks: all, ended };
    }

    function meter() {
      if (!analyser) { $("level").style.width = "0"; $("meter").setAttribute("aria-valuenow", 0); return; }
      const values = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(values);
      const level = Math.min(100, Math.round(200 * Math.max(...values.map(Math.abs))));
      $("level").style.width = level + "%";
      $("meter").setAttribute("aria-valuenow", level);
      requestAnimationFrame(meter);
    }

    function wav(chunks) {
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const head = new DataView(new ArrayBuffer(44));
      const text = (at, string) => [...string].forEach((c, i) => head.setUint8(at + i, c.charCodeAt(0)));
      text(0, "RIFF"); head.setUint32(4, 36 + length, true); text(8, "WAVEfmt ");
      head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
      head.setUint32(24, rate, true); head.setUint32(28, 2 * rate, true); head.setUint16(32, 2, true);
      head.setUint16(34, 16, true); text(36, "data"); head.setUint32(40, length, true);
      return new Blob([head, ...chunks], { type: "audio/wav" });
    }

    $("form").addEventListener("submit", async event => {
      event.preventDefault();
      controller?.abort();
      const own = controller = new AbortController();
      $("error").textContent = "";
      $("status").textContent = "…";
      $("stop").disabled = false;
      $("download").hidden = true;
      if ($("key").value) sessionStorage.setItem("key", $("key").value);
      const body = { input: $("input").value, model: $("model").value, response_format: "pcm",
        speed: Number($("speed").value) };
      for (const name of ["voice", "language", "instructions"]) if ($(name).value) body[name] = $(name).value;
      const started = performance.now();
      try {
        const response = await fetch("/v1/audio/speech", { method: "POST", signal: own.signal,
          headers: { "Content-Type": "application/json", ...headers() }, body: JSON.stringify(body) });
        if (!response.ok) throw await problem(response);
        const { chunks, ended } = await play(response.body, started, own.signal);
        const link = $("download");
        if (link.href) URL.revokeObjectURL(link.href);
        link.href = URL.createObjectURL(wav(chunks));
        link.hidden = false;
        await ended;
      } catch (error) {
        if (error.name !== "AbortError") { $("error").textContent = error.message; $("status").textContent = ""; }
      }
      if (controller === own) $("stop").disabled = true;
    });

    $("stop").addEventListener("click", () => {
      controller?.abort();
      context?.close();
      context = analyser = undefined;
      $("status").textContent = "Stopped.";
      $("stop").disabled = true;
    });

    $("record").addEventListener("click", async () => {
      if (recorder) { recorder.stop(); return; }
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        const parts = [];
        recorder = new MediaRecorder(stream);
        recorder.ondataavailable = event => parts.push(event.data);
        recorder.onstop = async () => {
          stream.getTracks().forEach(track => track.stop());
          recorder = undefined;
          $("record").textContent = "Record";
          // As WAV, which every server reads.
          const decoder = new AudioContext({ sampleRate: rate });
          const audio = await decoder.decodeAudioData(await new Blob(parts).arrayBuffer());
          await decoder.close();
          const bytes = new DataView(new ArrayBuffer(2 * audio.length));
          audio.getChannelData(0).forEach((value, index) =>
            bytes.setInt16(2 * index, Math.max(-1, Math.min(1, value)) * 32767, true));
          recording = wav([new Uint8Array(bytes.buffer)]);
          $("status").textContent = `Recorded ${audio.duration.toFixed(1)} s.`;
        };
        recorder.start();
        $("record").textContent = "Stop recording";
      } catch (error) { $("error").textContent = "No recording: " + error.message; }
    });

    $("upload").addEventListener("submit", async event => {
      event.preventDefault();
      const file = $("file").files[0] ?? recording;
      if (!file) { $("error").textContent = "Choose a recording, or record one."; return; }
      const form = new FormData();
      form.append("name", $("name").value);
      form.append("consent", "given on the page");
      if ($("transcript").value) form.append("ref_text", $("transcript").value);
      form.append("audio_sample", file, file.name ?? "recording.wav");
      try {
        const response = await fetch("/v1/audio/voices", { method: "POST", headers: headers(), body: form });
        if (!response.ok) throw await problem(response);
        $("error").textContent = "";
        $("status").textContent = "The voice is there.";
        await lists();
        $("voice").value = $("name").value;
      } catch (error) { $("error").textContent = error.message; }
    });

    $("key").addEventListener("change", () => {
      sessionStorage.setItem("key", $("key").value);
      lists();
    });
    lists();
    </script>
    </body>
    </html>
    """#
}
#endif
