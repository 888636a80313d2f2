package filter

import (
	"context"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
	"strake/reconcile/watch"
)

// nftables is the group of NETLINK_NETFILTER that hears of every change to the
// rules (NFNLGRP_NFTABLES, what `nft monitor` listens to).
const nftables = 7

// genmsg is the length of struct nfgenmsg, which is in front of the attributes.
const genmsg = 4

// tableName is the attribute that names the table, in messages about tables,
// chains, rules, sets, elements and objects alike (NFTA_TABLE_NAME,
// NFTA_CHAIN_TABLE, ... are all 1). Of NFT_MSG_NEWGEN it is a number.
const tableName = 1

// WatchRules tells when our own tables change. What others do to theirs wakes nobody.
func (f *Filter) WatchRules(ctx context.Context, tell func(resource.Notice)) error {
	return watch.Multicast{
		Protocol: unix.NETLINK_NETFILTER, Groups: []int{nftables},
		Heard: func(m watch.Message) {
			if m.Type>>8 == unix.NFNL_SUBSYS_NFTABLES && f.about(m.Data) {
				tell(resource.Notice{Firewall: true})
			}
		},
		Lost: func() { tell(resource.Notice{Firewall: true}) },
	}.Hear(ctx)
}

func (f *Filter) about(text []byte) (ours bool) {
	if len(text) < genmsg {
		return false
	}
	watch.Attributes(text[genmsg:], func(kind uint16, value []byte) {
		ours = ours || kind == tableName && unix.ByteSliceToString(value) == f.table
	})
	return ours
}
