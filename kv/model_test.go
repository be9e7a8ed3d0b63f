package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// model is the store as a plain map: slow, obvious, and keeping all of its past.
type model struct {
	items  map[string]Item
	leases map[LeaseID]Lease
	index  balsa.Index
	now    time.Time
	past   []Changes                       // all changes, with what was before
	states map[balsa.Index]map[string]Item // after each command
	before map[string]Item                 // the state before the command
	leased map[LeaseID]Lease
}

func newModel() *model {
	return &model{items: map[string]Item{}, leases: map[LeaseID]Lease{}, states: map[balsa.Index]map[string]Item{0: {}}}
}

func (m *model) apply(e balsa.Entry, c Command) Result {
	m.index, m.now = e.Index, e.Time
	m.expire()
	m.before, m.leased = maps.Clone(m.items), maps.Clone(m.leases)
	result := Result{Index: e.Index, Held: true}
	ops := c.Then
	for i, condition := range c.If {
		if !m.holds(condition) {
			result.Held, result.Unmet, result.Version = false, i, m.items[condition.Key].Version
			ops = c.Else
			break
		}
	}
	var granted LeaseID
	for i, o := range ops {
		reply, failure := m.do(o, &granted)
		if failure != 0 {
			m.items, m.leases = m.before, m.leased
			result.Failure, result.Failed, result.Replies = failure, i, nil
			break
		}
		result.Replies = append(result.Replies, reply)
	}
	m.record()
	m.states[e.Index] = maps.Clone(m.items)
	return result
}

// expire removes what is over, as changes of their own before the command's.
func (m *model) expire() {
	m.before = maps.Clone(m.items)
	for key, i := range m.items {
		lease, leased := m.leases[i.Lease]
		if !i.Expires.IsZero() && !i.Expires.After(m.now) || leased && !lease.Expires.After(m.now) {
			delete(m.items, key)
		}
	}
	maps.DeleteFunc(m.leases, func(_ LeaseID, l Lease) bool { return !l.Expires.After(m.now) })
	m.record()
}

// record notes what differs from before. The order of an index's events is not the
// model's to say.
func (m *model) record() {
	var events []Event
	for key, before := range m.before {
		after, ok := m.items[key]
		switch {
		case !ok:
			events = append(events, Event{Removed: true, Item: Item{Key: key, Version: m.index}, Previous: &before})
		case after.Version != before.Version:
			events = append(events, Event{Item: after, Previous: &before})
		}
	}
	for key, after := range m.items {
		if _, ok := m.before[key]; !ok {
			events = append(events, Event{Item: after})
		}
	}
	if len(events) == 0 {
		return
	}
	if n := len(m.past); n > 0 && m.past[n-1].Index == m.index {
		m.past[n-1].Events = append(m.past[n-1].Events, events...)
		return
	}
	m.past = append(m.past, Changes{m.index, events})
}

func (m *model) holds(c Condition) bool {
	i, ok := m.items[c.Key]
	if c.Of == ValueOf {
		if !ok {
			return false
		}
		order := bytes.Compare(i.Value, c.Value)
		return map[Comparison]bool{Equal: order == 0, NotEqual: order != 0, Less: order < 0, Greater: order > 0}[c.Is]
	}
	n := map[Field]uint64{VersionOf: uint64(i.Version), CreationOf: uint64(i.Created), ChangesOf: i.Changes, LeaseOf: uint64(i.Lease)}[c.Of]
	return map[Comparison]bool{Equal: n == c.Number, NotEqual: n != c.Number, Less: n < c.Number, Greater: n > c.Number}[c.Is]
}

func (m *model) put(i Item) {
	old, ok := m.items[i.Key]
	i.Version, i.Created, i.Changes = m.index, m.index, 1
	if ok {
		i.Created, i.Changes = old.Created, old.Changes
		if old.Version != m.index {
			i.Changes++
		}
	}
	m.items[i.Key] = i
}

func (m *model) until(o Op) time.Time {
	switch {
	case o.TTL != 0:
		return time.UnixMilli(m.now.UnixMilli()).Add(o.TTL).UTC()
	default:
		return o.At
	}
}

func (m *model) inRange(r Range) (keys []string) {
	for key := range m.items {
		if r.Contains(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (m *model) do(o Op, granted *LeaseID) (r Reply, f Failure) {
	if old, there := m.items[o.Key]; o.Only != 0 && !m.fits(o) {
		r = Reply{Found: there, Skipped: true}
		if o.Previous && there {
			if o.KeysOnly {
				old.Value = nil
			}
			r.Items = []Item{old}
		}
		return r, 0
	}
	r, f = m.carryOut(o, granted)
	if f != 0 && o.Try {
		return Reply{Failure: f}, 0
	}
	return r, f
}

func (m *model) fits(o Op) bool {
	i, there := m.items[o.Key]
	switch stays := i.Expires.IsZero(); o.Only {
	case OnlyAbsent:
		return !there
	case OnlyPresent:
		return there
	case OnlyStaying:
		return there && stays
	case OnlyExpiring:
		return there && !stays
	case OnlyLater:
		return there && !stays && (m.until(o).IsZero() || m.until(o).After(i.Expires))
	default:
		return there && !m.until(o).IsZero() && (stays || m.until(o).Before(i.Expires))
	}
}

func (m *model) carryOut(o Op, granted *LeaseID) (r Reply, f Failure) {
	old, there := m.items[o.Key]
	shown := func(i Item) Item {
		if o.KeysOnly {
			i.Value = nil
		}
		return i
	}
	switch o.Kind {
	case OpSet:
		r.Found = there
		if o.Previous && there {
			r.Items = []Item{shown(old)}
		}
		i := Item{Key: o.Key, Value: o.Value, Expires: m.until(o), Lease: o.Lease}
		if o.Lease == NewLease {
			i.Lease = *granted
		}
		if l, ok := m.leases[i.Lease]; o.Lease != 0 && (!ok || !l.Expires.After(m.now)) {
			return r, ErrNoLease
		}
		if o.KeepValue && !there {
			return r, ErrNoValue
		}
		if there && o.KeepTTL {
			i.Expires = old.Expires
		}
		if there && o.KeepLease {
			i.Lease = old.Lease
		}
		if o.KeepValue {
			i.Value = old.Value
		}
		m.put(i)
	case OpDelete:
		keys := []string{o.Key}
		if o.End != "" {
			keys = m.inRange(o.keys())
			r.Number = int64(len(keys))
		}
		for _, key := range keys {
			i, ok := m.items[key]
			r.Found = r.Found || ok
			if o.Previous && ok {
				r.Items = append(r.Items, shown(i))
			}
			delete(m.items, key)
		}
	case OpGet:
		if r.Found = there; there {
			r.Items = []Item{shown(old)}
		}
	case OpScan:
		for _, key := range m.inRange(o.keys()) {
			if o.Number > 0 && r.Number == o.Number {
				r.More = true
				break
			}
			r.Number++
			r.Items = append(r.Items, shown(m.items[key]))
		}
		r.Found = r.Number > 0
	case OpAdd:
		var n int64
		if r.Found = there; there {
			var err error
			if n, err = strconv.ParseInt(string(old.Value), 10, 64); err != nil || fmt.Sprint(n) != string(old.Value) {
				return r, ErrNotNumber
			}
		}
		sum := n + o.Number
		if (sum > n) != (o.Number > 0) && o.Number != 0 {
			return r, ErrOverflow
		}
		r.Number = sum
		m.put(Item{Key: o.Key, Value: []byte(fmt.Sprint(sum)), Expires: old.Expires, Lease: old.Lease})
	case OpAppend:
		r.Found = there
		value := slices.Concat(old.Value, o.Value)
		r.Number = int64(len(value))
		m.put(Item{Key: o.Key, Value: value, Expires: old.Expires, Lease: old.Lease})
	case OpExpire:
		if r.Found = there; there {
			old.Expires = m.until(o)
			m.items[o.Key] = old
		}
	case OpGrant:
		id := o.Lease
		if id == 0 {
			id = LeaseID(m.index)
		}
		if _, ok := m.leases[id]; ok {
			return r, ErrLeaseExists
		}
		m.leases[id] = Lease{id, o.TTL, time.UnixMilli(m.now.UnixMilli()).Add(o.TTL).UTC()}
		*granted = id
		r.Found, r.Number = true, int64(id)
	case OpKeepAlive:
		if l, ok := m.leases[o.Lease]; ok && l.Expires.After(m.now) {
			l.Expires = time.UnixMilli(m.now.UnixMilli()).Add(l.TTL).UTC()
			m.leases[o.Lease] = l
			r.Found, r.Number = true, l.Expires.UnixMilli()
		}
	case OpRevoke:
		if _, r.Found = m.leases[o.Lease]; r.Found {
			delete(m.leases, o.Lease)
			for key, i := range m.items {
				if i.Lease == o.Lease {
					delete(m.items, key)
					r.Number++
				}
			}
		}
	case OpCompact:
		if balsa.Index(o.Number) > m.index {
			return r, ErrFuture
		}
	}
	return r, 0
}

// dice makes commands that meet each other.
type dice struct {
	*rand.Rand
	index balsa.Index
}

func (d dice) key() string {
	return string([]byte{"ab\x00"[d.IntN(3)], "ab\x00\xff"[d.IntN(4)]})[:1+d.IntN(2)]
}

func (d dice) value() []byte {
	switch d.IntN(4) {
	case 0:
		return []byte(fmt.Sprint(d.Int64N(5) - 2))
	case 1:
		return []byte(fmt.Sprint(math.MaxInt64 - d.Int64N(2)))
	case 2:
		return nil
	}
	return bytes.Repeat([]byte{'x'}, d.IntN(40))
}

func (d dice) lease() LeaseID { return LeaseID(1 + d.IntN(int(d.index)+3)) }

func (d dice) op() Op {
	o := Op{Kind: OpKind(1 + d.IntN(int(endOfOpKinds)-1)), Key: d.key()}
	if d.IntN(2) == 0 {
		o.Kind = OpSet
	}
	if o.Kind == OpCompact && d.IntN(5) > 0 {
		o.Kind = OpGet
	}
	bit := func() bool { return d.IntN(4) == 0 }
	switch o.Kind {
	case OpSet:
		o.Value = d.value()
		o.Previous, o.KeysOnly, o.KeepTTL, o.KeepLease, o.KeepValue = bit(), bit(), bit(), bit(), bit()
		switch d.IntN(8) {
		case 0:
			o.Lease = d.lease()
		case 1:
			o.Lease = NewLease
		}
		fallthrough
	case OpExpire:
		switch d.IntN(4) {
		case 0:
			o.TTL = time.Duration(1+d.IntN(50)) * time.Millisecond
		case 1:
			o.At = time.UnixMilli(1_800_000_000_000 + d.Int64N(3000)).UTC()
		}
	case OpDelete:
		o.Previous, o.KeysOnly = bit(), bit()
		if d.IntN(4) == 0 {
			r := Prefix(o.Key)
			o.End = r.end()
		}
	case OpScan:
		o.End, o.Number, o.KeysOnly = Range{To: ""}.end(), int64(d.IntN(6)), bit()
	case OpGet:
		o.KeysOnly = bit()
	case OpAdd:
		o.Number = d.Int64N(7) - 3
	case OpAppend:
		o.Value = d.value()
	case OpGrant:
		o.Key, o.TTL = "", time.Duration(1+d.IntN(100))*time.Millisecond
		if bit() {
			o.Lease = d.lease()
		}
	case OpKeepAlive, OpRevoke:
		o.Key, o.Lease = "", d.lease()
	case OpCompact:
		o.Key, o.Number = "", max(0, int64(d.index)-d.Int64N(20))
	}
	o.Try = bit()
	if o.Key != "" && o.End == "" && d.IntN(3) == 0 {
		o.Only = Only(1 + d.IntN(int(endOfOnly)-1))
	}
	return o
}

func (d dice) command() (c Command) {
	for range d.IntN(3) {
		cond := Condition{Key: d.key(), Of: Field(1 + d.IntN(int(endOfFields)-1)), Is: Comparison(1 + d.IntN(int(endOfComparisons)-1))}
		if cond.Of == ValueOf {
			cond.Value = d.value()
		} else {
			cond.Number = d.Uint64N(uint64(d.index) + 2)
		}
		c.If = append(c.If, cond)
	}
	for range d.IntN(4) {
		c.Then = append(c.Then, d.op())
	}
	for range d.IntN(3) {
		c.Else = append(c.Else, d.op())
	}
	return c
}

// travelled is the command or result after its journey as bytes.
func travelled[T any, P interface {
	*T
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}](t *testing.T, v T) (back T) {
	t.Helper()
	b, err := P(&v).MarshalBinary()
	if err == nil {
		err = P(&back).UnmarshalBinary(b)
	}
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	return back
}

// content is all that users can see of a machine, as bytes.
func content(t testing.TB, m *Machine) []byte {
	t.Helper()
	w, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheStoreDoesWhatAPlainMapDoes compares results, state, earlier states and history
// with the model's, and two machines that got the same commands in other batches.
func TestTheStoreDoesWhatAPlainMapDoes(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { compare(t, seed) })
	}
}

func compare(t *testing.T, seed uint64) {
	d := dice{rand.New(rand.NewPCG(seed, 1)), 0}
	one, many, plain, l := inMemory(t), inMemory(t), newModel(), newLog()
	small := bound{uint64(20 + d.IntN(100)), uint64(1000 + d.IntN(10_000))}
	one.bound, many.bound = small, small
	var entries []balsa.Entry
	var commands []Command
	var results []Result
	for i := range 400 {
		d.index = l.index
		c := travelled(t, d.command())
		if d.IntN(20) == 0 {
			l.index++ // an entry that is not the store's
		}
		e := l.entry(time.Duration(d.IntN(15_000)) * time.Microsecond)
		got, want := one.Apply(e, c), travelled(t, plain.apply(e, c))
		if got = travelled(t, got); !reflect.DeepEqual(got, want) {
			t.Fatalf("command %d, %+v\n got %+v\nwant %+v", i, c, got, want)
		}
		entries, commands, results = append(entries, e), append(commands, c), append(results, got)
		if d.IntN(40) == 0 || i == 399 {
			for j, got := range many.ApplyBatch(entries, commands) {
				if got = travelled(t, got); !reflect.DeepEqual(got, results[j]) {
					t.Fatalf("in a batch of %d, %+v\n got %+v\nwant %+v", len(entries), commands[j], got, results[j])
				}
			}
			entries, commands, results = nil, nil, nil
			if !bytes.Equal(content(t, one), content(t, many)) {
				t.Fatal("batches make a difference")
			}
			compareStates(t, one, plain)
		}
	}
	again := inMemory(t)
	if err := again.Restore(bytes.NewReader(content(t, one))); err != nil {
		t.Fatal(err)
	}
	compareStates(t, again, plain)
	if !bytes.Equal(content(t, one), content(t, again)) {
		t.Fatal("a restored machine holds something else")
	}
}

func compareStates(t *testing.T, m *Machine, plain *model) {
	t.Helper()
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	present := maps.Clone(plain.items)
	maps.DeleteFunc(present, func(_ string, i Item) bool { // set to expire before it was set
		return !i.Expires.IsZero() && !i.Expires.After(time.UnixMilli(plain.now.UnixMilli()))
	})
	compareItems(t, v, present)
	if v.Len() != len(plain.items) {
		t.Fatalf("%d keys, want %d", v.Len(), len(plain.items))
	}
	leases, err := v.Leases()
	if err != nil || len(leases) != len(plain.leases) {
		t.Fatalf("%d leases, want %d, %v", len(leases), len(plain.leases), err)
	}
	for _, lease := range leases {
		if lease != plain.leases[lease.ID] {
			t.Fatalf("lease %+v, want %+v", lease, plain.leases[lease.ID])
		}
	}
	for index := v.Compacted(); index < v.Applied(); index++ {
		if state, known := plain.states[index]; known {
			earlier, err := v.At(index)
			if err != nil {
				t.Fatal(err)
			}
			compareItems(t, earlier, state)
		}
	}
	compareHistory(t, m, v, plain)
}

func compareItems(t *testing.T, v *View, want map[string]Item) {
	t.Helper()
	items, more, err := v.Scan(Range{}, ScanOptions{})
	if err != nil || more || len(items) != len(want) {
		missing := maps.Clone(want)
		for _, i := range items {
			delete(missing, i.Key)
		}
		t.Fatalf("at %d of %d, history after %d: %d items, %v, %v; want %d; missing are %+v", v.at, v.Applied(), v.Compacted(), len(items), more, err, len(want), missing)
	}
	for _, i := range items {
		w := want[i.Key]
		same := string(i.Value) == string(w.Value)
		i.Value, w.Value = nil, nil
		if v.at < v.head.applied {
			i.Expires, w.Expires = time.Time{}, time.Time{} // which has no history
		}
		if !same || !reflect.DeepEqual(i, w) {
			t.Fatalf("at %d: %+v, want %+v", v.at, i, w)
		}
		if got, err := v.Get(i.Key); err != nil || got.Version != i.Version {
			t.Fatalf("at %d: get of %q: %+v, %v", v.at, i.Key, got, err)
		}
	}
}

var errEnough = errors.New("enough")

func compareHistory(t *testing.T, m *Machine, v *View, plain *model) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough) // it yields what there is, and then ends
	var got []Changes
	for c, err := range m.Watch(ctx, Watch{From: v.Compacted() + 1, Previous: true}) {
		if err != nil {
			if !errors.Is(err, errEnough) {
				t.Fatal(err)
			}
			break
		}
		got = append(got, c)
	}
	want := plain.past
	for len(want) > 0 && want[0].Index <= v.Compacted() {
		want = want[1:]
	}
	if len(got) != len(want) {
		t.Fatalf("%d changes, want %d", len(got), len(want))
	}
	events := 0
	for i := range got {
		events += len(got[i].Events)
		if a, b := sorted(got[i]), sorted(want[i]); a != b {
			t.Fatalf("changes\n got %s\nwant %s", a, b)
		}
	}
	if uint64(events) != v.head.changes {
		t.Fatalf("the history has %d changes, and counts %d", events, v.head.changes)
	}
}

// sorted prints changes without what has no order or no history.
func sorted(c Changes) string {
	var lines []string
	for _, e := range c.Events {
		line := fmt.Sprintf("%q removed=%v %d %d %d %d %q", e.Item.Key, e.Removed, e.Item.Version, e.Item.Created, e.Item.Changes, e.Item.Lease, e.Item.Value)
		if p := e.Previous; p != nil {
			line += fmt.Sprintf(" was %d %d %d %q", p.Version, p.Created, p.Changes, p.Value)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return fmt.Sprint(c.Index, lines)
}
