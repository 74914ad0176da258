import { userInfo } from 'node:os';

/**
 * A sentence for people when nobody knows this process's user by name, as with `docker run --user 4321`: the data may be
 * right all the same, but ssh refuses to run, git to commit, and java's user.name is `?`. Asks the system's user database
 * (getpwuid(3)), so that LDAP or nss_wrapper count.
 * @param home the folder that an entry should name
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
