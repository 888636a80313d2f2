# Sourced on the host in the machine: containers whose root filesystems are
# volumes of LVM are taken over as they run and as they lie, live on, and are
# let go.
truncate -s 300M /srv/lvm.img
loop=$(losetup --find --show /srv/lvm.img)
vgcreate -q vg "$loop"
for f in /etc/subuid /etc/subgid; do echo root:300000:65536 >>$f; done
mkdir -p /srv/originals /srv/tiny/{bin,sbin,etc,proc,sys,dev,tmp,root,run}
cp /bin/busybox /srv/tiny/bin
for a in sh cat mount sleep reboot halt poweroff; do ln -sf busybox /srv/tiny/bin/$a; done
ln -sf ../bin/busybox /srv/tiny/sbin/init
printf '::respawn:/bin/sleep 1000\n' >/srv/tiny/etc/inittab
made() { # NAME [FIRST ID]
	lvcreate -q -y -n "$1" -L 32M vg
	chown -R "${2:-0}:${2:-0}" /srv/tiny
	mke2fs -q -t ext4 -d /srv/tiny "/dev/vg/$1"
	mkdir "/var/lib/lxc/$1"
	{
		printf 'lxc.uts.name = %s\nlxc.rootfs.path = lvm:/dev/vg/%s\nlxc.signal.halt = SIGUSR2\n' "$1" "$1"
		printf 'lxc.net.0.type = empty\nlxc.mount.auto = proc:mixed sys:mixed cgroup:mixed\nlxc.apparmor.profile = generated\n'
		[ -z "${2:-}" ] || printf 'lxc.idmap = %s 0 300000 65536\n' u g
	} >"/var/lib/lxc/$1/config"
	cp "/var/lib/lxc/$1/config" "/srv/originals/$1"
}
made up
made mapped 300000
made down
for c in up mapped; do lxc-start -n $c -o /srv/$c.log || fail "lxc-start $c: $(cat /srv/$c.log)"; done
look() { for c in up mapped; do lxc-info -n $c -pH && cat "/proc/$(lxc-info -n $c -pH)/mounts"; done; }
before=$(look)
strake import up mapped down -o /srv/lvm.hcl
[ "$before" = "$(look)" ] || fail "to be taken over was a change: $before, now $(look)"
grep -q 'adopted:lvm:/dev/vg/up' /srv/lvm.hcl || fail "the text says another root: $(cat /srv/lvm.hcl)"
strake plan --detailed-exitcode /srv/lvm.hcl || fail "what was taken over has a plan"
strake run up -- sh -c 'echo data >/root/kept'
strake restart up
strake start down
expect data strake run up -- cat /root/kept
expect "/ ext4" cat "/proc/$(lxc-info -n down -pH)/mounts"
strake stop down
strake start down
strake plan --detailed-exitcode /srv/lvm.hcl || fail "after a restart there is a plan"
for c in up mapped down; do
	strake forget $c
	cmp "/var/lib/lxc/$c/config" /srv/originals/$c || fail "$c has another configuration"
	lxc-stop -k -n $c
	lxc-start -n $c
	lxc-stop -k -n $c
	lxc-destroy -n $c
done
[ -z "$(lvs --noheadings -o name vg)" ] || fail "a volume is left"
vgremove -q -y vg
losetup -d "$loop"
sed -i "/^root:300000:65536$/d" /etc/subuid /etc/subgid
