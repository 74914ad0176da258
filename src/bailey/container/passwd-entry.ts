import { userInfo } from 'node:os';

/**
 * A warning when the user of this process has no passwd entry, as with `docker run --user 4321`: ssh refuses to run, git
 * to commit, and java's user.name is `?`. Uses getpwuid(3), so that LDAP and nss_wrapper count.
 * @param home the home directory for the suggested entry
 * @returns undefined when there is an entry
 */
export function missingPasswdEntry(home: string): string | undefined {
  try {
    userInfo();
    return undefined;
  } catch {
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
    return (
      `uid ${uid} has no entry in /etc/passwd, and ssh and git may refuse to work for it; ` +
      `in the image: echo 'jenkins${uid}:x:${uid}:${gid}::${home}:/bin/sh' >> /etc/passwd`
    );
  }
}
