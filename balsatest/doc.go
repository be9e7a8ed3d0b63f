// Package balsatest holds suites that check parts which users put in place of Balsa's
// own. Each takes a way to make the part, is called from a test of the package that
// has it, and fails that test where the part breaks a promise.
package balsatest
