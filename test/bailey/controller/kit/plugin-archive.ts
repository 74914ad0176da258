import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

/** One file in an archive. */
interface Entry {
  readonly name: string;
  readonly content: Buffer;
  readonly compressed?: true;
}

const manifestName = 'META-INF/MANIFEST.MF';

/**
 * Writes a plug-in archive that contains only a manifest, stored without compression (APPNOTE.TXT 4.3).
 * @param version its Plugin-Version
 * @param more lines of the manifest before the version
 */
export function writePlugin(path: string, version: string, more: readonly string[] = []): void {
  writeArchive(path, [{ name: manifestName, content: manifest(version, more) }]);
}

/**
 * Writes an archive like that of a real plug-in: a compressed manifest, followed by other files.
 * @param bytes its approximate size
 */
export function writeFullPlugin(path: string, version: string, bytes: number): void {
  const count = 40;
  const files = Array.from({ length: count }, (_, index) => ({
    name: `WEB-INF/lib/part-${index}.jar`,
    content: randomBytes(bytes / count), // like jars: incompressible, and different each time
  }));
  const more = ['Created-By: Maven Archiver', 'Plugin-Dependencies: credentials:1.0,structs:1.0'];
  writeArchive(path, [{ name: manifestName, content: manifest(version, more), compressed: true }, ...files]);
}

/** Writes an archive of many files with the manifest last, which is valid, although no build tool does it. */
export function writeCrowdedPlugin(path: string, version: string, files: number): void {
  const others = Array.from({ length: files }, (_, index) => ({
    name: `WEB-INF/classes/of/some/package/Class${index}.class`,
    content: Buffer.from(`${index}`),
  }));
  writeArchive(path, [...others, { name: manifestName, content: manifest(version, []), compressed: true }]);
}

/**
 * Writes an archive bomb: its manifest unpacks to a very large size.
 * @param mib the unpacked size; the archive has about a thousandth of it
 */
export function writeBomb(path: string, mib: number): void {
  const lines = 'Manifest-Version: 1.0\r\nPlugin-Version: 9.9\r\n';
  const content = Buffer.concat([Buffer.from(lines), Buffer.alloc(mib * 1024 * 1024, 'x')]);
  writeArchive(path, [{ name: manifestName, content, compressed: true }]);
}

const manifest = (version: string, more: readonly string[]): Buffer =>
  Buffer.from(['Manifest-Version: 1.0', ...more, `Plugin-Version: ${version}`, ''].join('\r\n'));

function writeArchive(path: string, entries: readonly Entry[]): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, zip(entries));
}

function zip(entries: readonly Entry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, compressed = false } of entries) {
    const data = compressed ? deflateRawSync(content) : content;
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0); // version needed
    head.writeUInt16LE(compressed ? 8 : 0, 4); // method
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(data.length, 14);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14); // no comment, disk 0, attributes, and the offset of the file
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), head, rest, Buffer.from(name));
    const file = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), data]);
    offset += file.length;
    files.push(file);
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, list, end]);
}
