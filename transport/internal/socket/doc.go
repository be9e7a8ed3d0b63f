// Package socket is what connections between members ask of the system: to find out
// soon that the other machine is not there any more, and to tell a machine that runs
// without the process from one that is silent.
package socket
