import { Failure } from '../../terminal/failure.ts';
import { describeEc2Error, openEc2 } from '../aws/ec2-client.ts';
import { readInstanceMetadata } from '../aws/instance-metadata.ts';
import type { EbsSettings } from '../backends/ebs/settings.ts';
import { type Finding, missing, ok } from './finding.ts';

/** What the backend ebs needs: an instance of EC2, the right to look at volumes, and the tools of the file system. */
export async function ebsFindings(settings: EbsSettings): Promise<readonly Finding[]> {
  const { fileSystem, metadata, endpoint, callsPerSecond } = settings;
  const findings: Finding[] = [];
  try {
    await fileSystem.requirePrograms();
    findings.push(ok(`tools of ${fileSystem.name}`, 'are there'));
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
    findings.push(ok('EC2', `volumes of ${region} can be looked at`));
  } catch (thrown) {
    findings.push(failed('EC2', thrown));
  }
  return findings;
}

const failed = (what: string, thrown: unknown): Finding =>
  thrown instanceof Failure
    ? missing(what, thrown.sentence, thrown.remedy ?? 'see to that first')
    : missing(
        what,
        `it cannot be asked: ${describeEc2Error(thrown)}`,
        "give the instance a role with the permissions of docs/castle.md, and a way to EC2's API",
      );
