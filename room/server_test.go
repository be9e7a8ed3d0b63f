package room

import "testing"

func TestAServerIsFoundByTheAddressInTheMembership(t *testing.T) {
	for addr, want := range map[string]string{
		"room:a1b2":      "a1b2",
		"127.0.0.1:7001": ServerName("127.0.0.1:7001"),
	} {
		if got := MemberAt(addr); got != want {
			t.Errorf("who lives at %s is called %s, not %s", addr, got, want)
		}
	}
	name := ServerName("127.0.0.1:7001")
	if err := CheckMember(name); err != nil || !IsServer(name) || IsServer("a1b2") || name == ServerName("127.0.0.1:7002") {
		t.Errorf("%s is a server's: %v, %v", name, IsServer(name), err)
	}
}
