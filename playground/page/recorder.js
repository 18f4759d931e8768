// Voice messages with the microphone.

import { toast } from "./dialogs.js";
import { $, duration } from "./dom.js";
import { toOgg } from "./ogg.js";
import { t } from "./i18n.js";

const KINDS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus"];
const SHORTEST = 0.4; // seconds: less is a slip of the finger

export class Recorder {
  #send;
  #recorder = null;
  #began = 0;
  #timer = 0;
  #wanted = false;
  #length = 0;

  constructor({ send }) {
    this.#send = send;
    $("voice").addEventListener("click", () => this.#start());
    $("record-cancel").addEventListener("click", () => this.#stop(false));
    $("record-send").addEventListener("click", () => this.#stop(true));
    $("recording").addEventListener("keydown", (event) => event.key === "Escape" && this.#stop(false));
  }

  async #start() {
    const kind = globalThis.MediaRecorder && KINDS.find((name) => MediaRecorder.isTypeSupported(name));
    if (!kind || !navigator.mediaDevices) return toast(t("no_recorder"), "bad");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      return toast(t(error.name === "NotAllowedError" ? "microphone_denied" : "no_microphone"), "bad");
    }
    const parts = [];
    this.#recorder = new MediaRecorder(stream, { mimeType: kind });
    this.#recorder.ondataavailable = ({ data }) => parts.push(data);
    this.#recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      this.#done(parts, kind);
    };
    this.#recorder.start();
    this.#began = performance.now();
    $("recording").hidden = false;
    $("write").hidden = true;
    $("record-send").focus();
    this.#timer = setInterval(() => {
      $("record-time").textContent = duration(this.#seconds);
    }, 200);
  }

  get #seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  #stop(wanted) {
    this.#wanted = wanted && this.#seconds >= SHORTEST;
    clearInterval(this.#timer);
    this.#length = this.#seconds;
    $("recording").hidden = true;
    $("record-time").textContent = duration(0);
    $("write").hidden = false;
    $("text").focus();
    this.#recorder?.stop();
    this.#recorder = null;
  }

  async #done(parts, kind) {
    if (!this.#wanted) return;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    const content = kind.startsWith("audio/webm") ? toOgg(bytes) : bytes;
    this.#send(new File([content], "voice.ogg", { type: "audio/ogg" }), this.#length);
  }
}
