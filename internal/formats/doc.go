// Command formats makes the files that its tests keep of each format: the directory of a
// stopped member of the key-value service, and a backup. The tests run what programs of
// before have written through the present code.
//
//	go run ./internal/formats NAME
//
// writes internal/formats/testdata/NAME.zip. Run it when a format has got a new version, with
// the name of that, and never change a file that is there.
package main
