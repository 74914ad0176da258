import { Failure } from '../../terminal/failure.ts';
import { describeEc2Error, openEc2 } from '../aws/ec2-client.ts';
import { readInstanceMetadata } from '../aws/instance-metadata.ts';
import type { EbsSettings } from '../backends/ebs/settings.ts';
import { type Finding, missing, ok } from './finding.ts';

/** Checks what the backend ebs needs: an EC2 instance, the permission to describe volumes, and the tools of the file system. */
export async function ebsFindings(settings: EbsSettings): Promise<readonly Finding[]> {
  const { fileSystem, metadata, endpoint, callsPerSecond } = settings;
  const findings: Finding[] = [];
  try {
    await fileSystem.requirePrograms();
    findings.push(ok(`tools of ${fileSystem.name}`, 'are installed'));
  } catch (thrown) {
    findings.push(failed(`tools of ${fileSystem.name}`, thrown));
  }
  try {
    const { id, zone, type, region: here } = await readInstanceMetadata(metadata);
    findings.push(ok('instance', `${id} in ${zone}, ${type}`));
    const region = settings.region ?? here;
    const address = { region, callsPerSecond, ...(endpoint === undefined ? {} : { url: endpoint }) };
    const ec2 = await openEc2(address, () => undefined);
    await ec2.describeVolumes({ Filters: [{ Name: 'attachment.instance-id', Values: [id] }] });
    findings.push(ok('EC2', `volumes in ${region} can be described`));
  } catch (thrown) {
    findings.push(failed('EC2', thrown));
  }
  return findings;
}

const failed = (what: string, thrown: unknown): Finding =>
  thrown instanceof Failure
    ? missing(what, thrown.sentence, thrown.remedy ?? 'correct this first')
    : missing(
        what,
        `volumes cannot be described: ${describeEc2Error(thrown)}`,
        "give the instance a role with the permissions in docs/castle/backends.md, and network access to EC2's API",
      );
