package kv

// Members are upgraded one by one, and a command must not come into the log before all of them
// understand it. commandVersions is the list of what came when: whoever adds an operation, a
// field of one or a condition, or gives one another meaning, adds a version here, lets what is
// new need it, and keeps the former meaning for commands that do not.

// oldestCommands and newestCommands are the versions of commands that this program understands.
const (
	oldestCommands = 0
	newestCommands = 0
)

// commandVersions are the versions in which operations came, those of version 0 apart.
var commandVersions = map[OpKind]uint32{}

// CommandVersions implements balsa.Versioned.
func (m *Machine) CommandVersions() (oldest, newest uint32) { return oldestCommands, newestCommands }

// CommandVersion implements balsa.Versioned.
func (m *Machine) CommandVersion(c Command) (needs uint32) {
	for _, ops := range [...][]Op{c.Then, c.Else} {
		for _, o := range ops {
			needs = max(needs, commandVersions[o.Kind])
		}
	}
	return needs
}
