// Package sabotage hurts a member that runs, on command, so that people can see what
// becomes of it: its disk gets slow or full, its network is cut, it stands still, it dies,
// a byte of its log flips. Disk and Network stand between a member and the real ones, and
// without a command they pass all on.
package sabotage
