package lxc

import "strake/reconcile/resource"

// Live is what one run of a container really is, asked from liblxc and the
// kernel. When it is not up, State is all there is.
type Live = resource.Live
