// Package dashboard is the page that every member serves at /: the members as a picture,
// their logs as lanes, charts over the last minutes, and a console for the keys.
//
//	Reporter ──► Report ──► Node.Tell ──► the other members' Reporters
//	   │            │
//	 Meter          └─► Look ──► stream of server-sent events ──► page/
//
// A Reporter makes a Report of its member, some times a second, and tells it to those
// around it, so that the page of one member shows them all, as that member hears them:
// who cannot be reached looks so. It does this while somebody looks, and a few seconds
// longer; the wish to look travels with the reports.
//
// The page is plain HTML, CSS and ES modules, embedded, without a build step and without
// anything from outside. Page answers everybody, for it holds no secrets. Handler, which
// streams reports and shows entries, wants to know who asks (kv/access): to look takes the
// right to read something, an entry's command the right to read all its keys, and to hurt
// a member, where there is a Stage, the right admin.
//
//	reporter.go, report.go   a member's own word
//	recorder.go, spread.go   what its work takes
//	handler.go, stream.go    what the page is told
//	entries.go               a look into the log
//	stage.go                 members that may be hurt: balsa demo
package dashboard
