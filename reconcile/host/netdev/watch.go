package netdev

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
	"strake/reconcile/watch"
)

// WatchDevices tells when links, addresses or routes change, on the host and in the
// network namespaces of the containers that follow names. One socket hears all:
// the kernel sends a namespace's messages to every other one that has an id for it
// and asks for them (NETLINK_LISTEN_ALL_NSID). A socket in each would keep the
// namespace, and with it the host's ends of its pairs, beyond its init.
func (d *Devices) WatchDevices(ctx context.Context, tell func(resource.Notice)) (follow func([]resource.Process) error, err error) {
	l := &listener{d: d, tell: tell, containers: map[int]string{}, devices: map[int32]string{}}
	links, err := dump(d.host.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, k := range links {
		l.devices[int32(k.Attrs().Index)] = k.Attrs().Name
	}
	return l.follow, watch.Multicast{
		Protocol: unix.NETLINK_ROUTE, Everywhere: true,
		Groups: []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE},
		Heard:  l.heard,
		Lost:   func() { tell(resource.Notice{}) },
	}.Hear(ctx)
}

type listener struct {
	d    *Devices
	tell func(resource.Notice)

	mu         sync.Mutex
	containers map[int]string   // by the id of their namespaces
	devices    map[int32]string // of the host, by index
}

// follow is told which containers are up.
func (l *listener) follow(list []resource.Process) error {
	containers := make(map[int]string, len(list))
	for _, p := range list {
		id, err := l.d.host.GetNetNsIdByPid(p.PID)
		if err == nil && id < 0 { // no pair leads there
			if err = l.d.host.SetNetNsIdByPid(p.PID, -1); err == nil {
				id, err = l.d.host.GetNetNsIdByPid(p.PID)
			}
		}
		if err == nil && id >= 0 { // else it has just ended
			containers[id] = p.Container
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.containers = containers
	return nil
}

func (l *listener) heard(m watch.Message) {
	l.mu.Lock()
	container := l.containers[m.NSID]
	l.mu.Unlock()
	if m.NSID >= 0 {
		if container != "" {
			l.tell(resource.Notice{Container: container})
		}
		return
	}
	if name := l.device(m); name != "" {
		l.tell(resource.Notice{Device: name})
	}
}

// device is the interface of the host that a message is about.
func (l *listener) device(m watch.Message) string {
	switch m.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return l.link(m)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR: // struct ifaddrmsg: the index is its last word
		if len(m.Data) >= unix.SizeofIfAddrmsg {
			return l.named(int32(binary.NativeEndian.Uint32(m.Data[4:])))
		}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		var name string
		if len(m.Data) >= unix.SizeofRtMsg {
			watch.Attributes(m.Data[unix.SizeofRtMsg:], func(kind uint16, value []byte) {
				if kind == unix.RTA_OIF && len(value) >= 4 {
					name = l.named(int32(binary.NativeEndian.Uint32(value)))
				}
			})
		}
		return name
	}
	return ""
}

// link knows a device by its new name, and forgets one that is gone.
func (l *listener) link(m watch.Message) string {
	if len(m.Data) < unix.SizeofIfInfomsg {
		return ""
	}
	index := int32(binary.NativeEndian.Uint32(m.Data[4:])) // struct ifinfomsg
	var name string
	watch.Attributes(m.Data[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		if kind == unix.IFLA_IFNAME {
			name = unix.ByteSliceToString(value)
		}
	})
	if m.Data[0] != unix.AF_UNSPEC {
		return name // of a port of a bridge (AF_BRIDGE): it is there still
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.devices[index]
	if m.Type == unix.RTM_DELLINK {
		delete(l.devices, index)
	} else if name != "" {
		l.devices[index] = name
	}
	if old != "" && old != name {
		return old // whoever it belonged to has lost it
	}
	return name
}

func (l *listener) named(index int32) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.devices[index]
}
