package balsa

// Package net is no use to a browser, which dials nothing by itself, and would weigh a
// member down: whether an address will do is for its transport to say.

// checkAddr finds nothing wrong with any address.
func checkAddr(string) error { return nil }

// reachable says whether there is an address at all.
func reachable(addr string) bool { return addr != "" }
