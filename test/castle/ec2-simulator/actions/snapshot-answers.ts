import type { Snapshot } from '../cloud/records.ts';
import type { Xml } from '../wire/xml.ts';
import { tagSet } from './tags.ts';

/** A snapshot in answers. */
export const snapshotFields = (account: string, snapshot: Snapshot): { readonly [name: string]: Xml } => ({
  snapshotId: snapshot.id,
  volumeId: snapshot.volume,
  status: snapshot.state,
  startTime: snapshot.begun,
  progress: `${snapshot.progressPercent}%`,
  ownerId: account,
  volumeSize: snapshot.sizeGiB,
  description: snapshot.description,
  encrypted: snapshot.encrypted,
  storageTier: 'standard',
  tagSet: tagSet(snapshot.tags),
});
