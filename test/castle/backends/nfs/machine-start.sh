# Starts the kernel's NFS server in the machine. Sourced; $packages is the folder with its programs. It serves only version 4,
# which needs neither rpcbind nor statd. Its root is /machine/exports, with the exports:
#   /data        root is not mapped
#   /squashed    root is mapped to nobody
#   /one-owner   all users are mapped to 1000:1000
export LD_LIBRARY_PATH=$packages/usr/lib/$(uname -m)-linux-gnu:$packages/lib/$(uname -m)-linux-gnu
ip link set lo up
hostname host-a
mkdir -p /var/lib/nfs/v4recovery /machine/exports
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t nfsd nfsd /proc/fs/nfsd
options=rw,sync,insecure,no_subtree_check
mount -t tmpfs tmpfs /machine/exports
echo "/machine/exports *($options,fsid=0,no_root_squash)" >/etc/exports
number=0
for export in data:no_root_squash squashed:root_squash one-owner:all_squash,anonuid=1000,anongid=1000; do
  number=$((number + 1))
  folder=/machine/exports/${export%%:*}
  mkdir "$folder"
  # Each export is its own file system, as on most servers.
  mount -t tmpfs tmpfs "$folder"
  echo "$folder *($options,fsid=$number,${export#*:})" >>/etc/exports
done
chmod 755 /machine/exports/data
chmod 777 /machine/exports/squashed
chown 1000:1000 /machine/exports/one-owner
"$packages/usr/sbin/exportfs" -a
"$packages/usr/sbin/rpc.mountd" --no-nfs-version 3 --no-udp
"$packages/usr/sbin/rpc.nfsd" --no-nfs-version 3 --no-udp 8
# A server that has just started waits for clients of its previous run; there are none.
echo Y >/proc/fs/nfsd/v4_end_grace
unset LD_LIBRARY_PATH
