import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';

/**
 * Writes a plug-in's archive with nothing but a manifest in it, stored without compression (APPNOTE.TXT 4.3).
 * @param version its Plugin-Version
 * @param more lines of the manifest before it
 */
export function writePlugin(path: string, version: string, more: readonly string[] = []): void {
  const lines = ['Manifest-Version: 1.0', ...more, `Plugin-Version: ${version}`, ''];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, zip('META-INF/MANIFEST.MF', Buffer.from(lines.join('\r\n'))));
}

/**
 * Writes an archive whose manifest unpacks to more than anybody wants to have in memory.
 * @param mib how much that is; the archive is a thousandth of it
 */
export function writeBomb(path: string, mib: number): void {
  const lines = 'Manifest-Version: 1.0\r\nPlugin-Version: 9.9\r\n';
  const content = Buffer.concat([Buffer.from(lines), Buffer.alloc(mib * 1024 * 1024, 'x')]);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, zip('META-INF/MANIFEST.MF', content, true));
}

function zip(name: string, content: Buffer, compressed = false): Buffer {
  const data = compressed ? deflateRawSync(content) : content;
  const head = Buffer.alloc(26);
  head.writeUInt16LE(20, 0); // version needed
  head.writeUInt16LE(compressed ? 8 : 0, 4); // method
  head.writeUInt32LE(compressed ? 0 : crc32(content), 10); // yauzl does not look
  head.writeUInt32LE(data.length, 14);
  head.writeUInt32LE(content.length, 18);
  head.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), data]);
  const entry = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    head,
    Buffer.alloc(14), // no comment, disk 0, attributes, and the local header at offset 0
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
