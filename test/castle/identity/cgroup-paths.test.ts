/** The container id in /proc/PID/cgroup, as engines write it and as containers and users forge it. */
import t from 'tap';
import { containerIds } from '../../../src/castle/runtimes/container-id.ts';

const a = 'a'.repeat(64);
const b = '0123456789abcdef'.repeat(4);
const pod = 'f0'.repeat(32);
const uid = '3f8e2b1c-90b7-4f7e-a9a2-2d1c5a2f4e11';
const unitUid = uid.replaceAll('-', '_');
const slice = (qos: string) => `/kubepods.slice/kubepods-${qos}.slice/kubepods-${qos}-pod${unitUid}.slice`;
const rootless = '/user.slice/user-1000.slice/user@1000.service';

/** One line of each controller of cgroup v1, and the one of v2. */
const everywhere = (path: string) =>
  ['9:name=systemd', '8:pids', '4:memory', '2:cpu,cpuacct', '0:'].map((at) => `${at}:${path}\n`).join('');

type Case = readonly [name: string, text: string, ids: readonly string[]];

t.test('the container id is read from the cgroup paths of each engine', async (t) => {
  const cases: readonly Case[] = [
    ['Docker, v1, cgroupfs', everywhere(`/docker/${a}`), [a]],
    ['Docker, v1, systemd', everywhere(`/system.slice/docker-${a}.scope`), [a]],
    ['Docker, v2, cgroupfs', `0::/docker/${a}\n`, [a]],
    ['Docker, v2, systemd', `0::/system.slice/docker-${b}.scope\n`, [b]],
    ['Docker, --cgroup-parent', `0::/builds/${a}\n`, [a]],
    ['Docker, --cgroup-parent, systemd', `0::/builds.slice/builds-ci.slice/docker-${a}.scope\n`, [a]],
    ['Docker, rootless', `0::${rootless}/user.slice/docker-${a}.scope\n`, [a]],
    ['Docker, only some hierarchies', `4:memory:/docker/${a}\n3:pids:/\n`, [a]],
    ['Docker, with systemd in the container', `0::/docker/${a}/init.scope\n`, [a]],
    ['Docker, seen from a cgroup namespace beside it', `0::/../docker-${a}.scope\n`, [a]],
    ['Podman, v1, cgroupfs', everywhere(`/libpod_parent/libpod-${a}`), [a]],
    ['Podman, v1, cgroupfs, in a pod', everywhere(`/libpod_parent/${pod}/libpod-${a}`), [a]],
    ['Podman, v2, systemd', `0::/machine.slice/libpod-${a}.scope/container\n`, [a]],
    ['Podman 3', `0::/machine.slice/libpod-${a}.scope\n`, [a]],
    [
      'Podman, in a pod',
      `0::/machine.slice/machine-libpod_pod_${pod}.slice/libpod-${a}.scope/container\n`,
      [a],
    ],
    ['Podman, rootless', `0::${rootless}/user.slice/libpod-${a}.scope/container\n`, [a]],
    [
      'Podman, rootless, in a pod',
      `0::${rootless}/user.slice/user-libpod_pod_${pod}.slice/libpod-${a}.scope/container\n`,
      [a],
    ],
    [
      'Podman, a unit of systemd with --cgroups=split',
      `0::/system.slice/jenkins.service/libpod-payload-${a}\n`,
      [a],
    ],
    ['containerd, Kubernetes, cgroupfs', everywhere(`/kubepods/pod${uid}/${a}`), [a]],
    ['containerd, Kubernetes, cgroupfs, burstable', everywhere(`/kubepods/burstable/pod${uid}/${a}`), [a]],
    [
      'containerd, Kubernetes, systemd, burstable',
      `0::${slice('burstable')}/cri-containerd-${a}.scope\n`,
      [a],
    ],
    [
      'containerd, Kubernetes, systemd, best effort',
      `0::${slice('besteffort')}/cri-containerd-${a}.scope\n`,
      [a],
    ],
    [
      'containerd, Kubernetes, systemd, guaranteed',
      `0::/kubepods.slice/kubepods-pod${unitUid}.slice/cri-containerd-${a}.scope\n`,
      [a],
    ],
    [
      'containerd without the systemd driver',
      `1:name=systemd:/system.slice/containerd.service/kubepods-burstable-pod${unitUid}.slice:cri-containerd:${a}\n`,
      [a],
    ],
    ['nerdctl, cgroupfs', `0::/default/${a}\n`, [a]],
    ['nerdctl, systemd', `0::/system.slice/nerdctl-${a}.scope\n`, [a]],
    ['ctr, whose containers are called as one likes', '0::/default/my-container\n', []],
    ['CRI-O, cgroupfs', everywhere(`/kubepods/besteffort/pod${uid}/crio-${a}`), [a]],
    ['CRI-O, systemd', `0::${slice('burstable')}/crio-${a}.scope\n`, [a]],
    ['CRI-O, systemd, with crun', `0::${slice('besteffort')}/crio-${a}.scope/container\n`, [a]],
    ['LXC', '0::/lxc.payload.main/system.slice\n', []],
  ];
  for (const [name, text, ids] of cases) t.same(containerIds(text), ids, name);
});

t.test('for an engine in a container, the id of the outer container counts', async (t) => {
  const cases: readonly Case[] = [
    ['Docker in Docker', `0::/docker/${a}/docker/${b}\n`, [a]],
    ['Docker in Docker, systemd outside', `0::/system.slice/docker-${a}.scope/docker/${b}\n`, [a]],
    ['Docker in Docker, systemd in both', `0::/docker/${a}/system.slice/docker-${b}.scope\n`, [a]],
    ['Podman in Docker', `0::/docker/${a}/libpod_parent/libpod-${b}\n`, [a]],
    ['a pod of Podman in Docker', `0::/docker/${a}/libpod_parent/${pod}/libpod-${b}\n`, [a]],
    ['Docker in Podman', `0::/machine.slice/libpod-${a}.scope/container/docker/${b}\n`, [a]],
    [
      'Docker in a pod of Kubernetes',
      `0::${slice('burstable')}/cri-containerd-${a}.scope/docker/${b}\n`,
      [a],
    ],
    [
      'Kubernetes in Docker',
      `0::/docker/${a}/kubelet.slice${slice('burstable')}/cri-containerd-${b}.scope\n`,
      [a],
    ],
  ];
  for (const [name, text, ids] of cases) t.same(containerIds(text), ids, name);
});

t.test('a forged cgroup path gives no id of another container', async (t) => {
  const cases: readonly Case[] = [
    ["a cgroup of a container's own, called like another container", `0::/docker/${a}/${b}\n`, [a]],
    ['the same as a scope', `0::/docker/${a}/docker-${b}.scope\n`, [a]],
    ['the same as Podman calls them', `0::/docker/${a}/libpod-${b}\n`, [a]],
    ['the same below a scope', `0::/system.slice/docker-${a}.scope/system.slice/docker-${b}.scope\n`, [a]],
    ['the same with colons', `0::/docker/${a}/x.slice:cri-containerd:${b}\n`, [a]],
    ['a colon and a line that looks like another hierarchy', `0::/docker/${a}/1:memory:/docker/${b}\n`, [a]],
    ["a pod of Podman's below a container", `0::/docker/${a}/machine-libpod_pod_${pod}.slice/${b}\n`, [a]],
    ['two in one name', `0::/docker/${a}.${b}\n`, [a]],
    [
      'a container that moved itself in one hierarchy',
      `4:memory:/docker/${a}\n3:pids:/docker/${b}\n`,
      [a, b],
    ],
    // The engine has no container with this id, so the request is refused. Without an id, the process would count as one
    // of the host.
    ['a pod without a container', `0::/libpod_parent/${pod}\n`, [pod]],
    ['a slice of a pod without a container', `0::/machine.slice/machine-libpod_pod_${pod}.slice\n`, [pod]],
    ['the monitor of a container', `0::/machine.slice/libpod-conmon-${a}.scope\n`, [a]],
    ['a cgroup that was removed', `0::/docker/${a} (deleted)\n`, [a]],
    ['a longer run of digits', `0::/x/${a}f\n0::/x/f${a}\n`, []],
    ['a shorter one', `0::/docker/${a.slice(1)}\n`, []],
    ['capital letters, which no engine writes', `0::/docker/${a.toUpperCase()}\n`, []],
    ['a name of a named hierarchy', `1:name=${b}:/\n`, []],
    ['the host', '9:name=systemd:/user.slice\n0::/user.slice/session-1.scope\n', []],
    ['nothing', '', []],
  ];
  for (const [name, text, ids] of cases) t.same(containerIds(text), ids, name);
});
