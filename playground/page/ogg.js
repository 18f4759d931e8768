// Opus from a WebM file, as browsers record it, into an Ogg file, as Telegram's voice messages are.

const IDS = { segment: 0x18538067, cluster: 0x1f43b675, block: 0xa3, group: 0xa0, groupBlock: 0xa1 };
const PARENTS = new Set([IDS.segment, IDS.cluster, IDS.group]);
const SERIAL = 1;
const FRAMES = { 0: [480, 960, 1920, 2880], 1: [480, 960], 2: [120, 240, 480, 960] }; // SILK, hybrid, CELT: samples at 48 kHz

/** The Ogg file of a WebM recording with one Opus track. */
export function toOgg(webm) {
  const packets = [];
  walk(webm, 0, webm.length, packets);
  const pages = [page([head()], 0, 0, 2), page([tags()], 0, 1, 0)];
  let position = 0;
  packets.forEach((packet, index) => {
    position += samples(packet);
    pages.push(page([packet], position, index + 2, index === packets.length - 1 ? 4 : 0));
  });
  return new Blob(pages);
}

/** Collect the blocks below the elements between two places; sizes may be unknown while streaming. */
function walk(bytes, start, end, packets) {
  let at = start;
  while (at < end) {
    const [id, afterId] = readNumber(bytes, at, false);
    const [size, afterSize] = readNumber(bytes, afterId, true);
    const stop = size === null ? end : Math.min(afterSize + size, end);
    if (PARENTS.has(id)) walk(bytes, afterSize, stop, packets);
    else if (id === IDS.block || id === IDS.groupBlock) packets.push(bytes.subarray(afterSize + 4, stop)); // track, time, flags
    at = PARENTS.has(id) && size === null ? end : stop;
  }
}

/** EBML's number of variable length: its value, null when it is unknown, and where it ends. */
function readNumber(bytes, at, isSize) {
  const length = Math.clz32(bytes[at]) - 23;
  let value = isSize ? bytes[at] & (0xff >> length) : bytes[at];
  let unknown = isSize && value === 0xff >> length;
  for (let index = 1; index < length; index += 1) {
    unknown &&= bytes[at + index] === 0xff;
    value = value * 256 + bytes[at + index];
  }
  return [unknown ? null : value, at + length];
}

/** How many samples at 48 kHz an Opus packet holds, by its first bytes (RFC 6716, 3.1). */
function samples(packet) {
  const config = packet[0] >> 3;
  const frame = config < 12 ? FRAMES[0][config % 4] : config < 16 ? FRAMES[1][config % 2] : FRAMES[2][config % 4];
  const count = [1, 2, 2, packet[1] & 63][packet[0] & 3];
  return frame * count;
}

const text = (words) => new TextEncoder().encode(words);

/** OpusHead: version 1, one channel, no samples to skip, 48 kHz. */
function head() {
  return new Uint8Array([...text("OpusHead"), 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]);
}

function tags() {
  const vendor = text("playground");
  return new Uint8Array([...text("OpusTags"), vendor.length, 0, 0, 0, ...vendor, 0, 0, 0, 0]);
}

function page(packets, position, number, flags) {
  const laces = packets.flatMap((packet) => [...Array(Math.floor(packet.length / 255)).fill(255), packet.length % 255]);
  const header = new Uint8Array(27 + laces.length);
  const view = new DataView(header.buffer);
  header.set(text("OggS"));
  header[5] = flags;
  view.setBigUint64(6, BigInt(position), true);
  view.setUint32(14, SERIAL, true);
  view.setUint32(18, number, true);
  header[26] = laces.length;
  header.set(laces, 27);
  const whole = new Uint8Array(header.length + packets.reduce((sum, packet) => sum + packet.length, 0));
  whole.set(header);
  let at = header.length;
  for (const packet of packets) {
    whole.set(packet, at);
    at += packet.length;
  }
  new DataView(whole.buffer).setUint32(22, checksum(whole), true);
  return whole;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** Ogg's CRC-32: not reflected, beginning with 0. */
function checksum(bytes) {
  let value = 0;
  for (const byte of bytes) value = ((value << 8) ^ TABLE[(value >>> 24) ^ byte]) >>> 0;
  return value;
}
