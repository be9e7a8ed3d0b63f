package redis

import (
	"strings"
	"testing"

	"github.com/balsaraft/balsa/kv/access"
)

// CLIENT LIST is for finding out who keeps a member busy.
func TestTheListShowsAllConnectionsAsTheyStand(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	one, other := dial(t, addr), dial(t, addr)
	one.answers(array("CLIENT", "SETNAME", "one"), "+OK\r\n")
	one.answers(array("CLIENT", "SETINFO", "LIB-NAME", "go"), "+OK\r\n")
	other.answers(array("PING"), "+PONG\r\n")
	list := other.shown("CLIENT LIST")
	if strings.Count(list, "id=") != 2 || !strings.Contains(list, " name=one ") || !strings.Contains(list, " lib-name=go ") || !strings.Contains(list, one.LocalAddr().String()) {
		t.Errorf("the list is %s", list)
	}
	if got := other.shown("CLIENT LIST ID 1"); strings.Count(got, "id=") != 1 || !strings.Contains(got, " name=one ") {
		t.Errorf("of one it is %s", got)
	}
	one.answers(array("RESET"), "+RESET\r\n")
	if list := other.shown("CLIENT LIST"); strings.Contains(list, "name=one") {
		t.Errorf("after RESET it is %s", list)
	}
}

func TestTheListShowsOthersToWhoMayChangeTheClusterAlone(t *testing.T) {
	admin := entry("admin", access.Grant{Rights: access.Admin})
	_, addr := start(t, newStore(t), Config{Access: bookOf(t, reader, admin)})
	one, other := dial(t, addr), dial(t, addr)
	one.answers(array("AUTH", "token of reader"), "+OK\r\n")
	other.answers(array("AUTH", "token of admin"), "+OK\r\n")
	if list := one.shown("CLIENT LIST"); strings.Count(list, "id=") != 1 || !strings.Contains(list, " user=reader ") {
		t.Errorf("the reader is shown %s", list)
	}
	if list := other.shown("CLIENT LIST"); strings.Count(list, "id=") != 2 {
		t.Errorf("the admin is shown %s", list)
	}
}
