package main

import "math/bits"

// tokens are what a thing consists of, in an order that does not depend on how it came
// to be. Identities of members stand apart, so that the same tokens can be digested as
// if the members had each other's names.
type tokens []token

type token struct {
	what  tokenKind
	value uint64
}

type tokenKind uint8

const (
	plain   tokenKind = iota
	id                // the identity of a member
	open              // begins a set, whose elements come in no order
	element           // begins an element of a set
	closed            // ends a set
)

func (t *tokens) add(values ...uint64) {
	for _, v := range values {
		*t = append(*t, token{plain, v})
	}
}

func (t *tokens) addID(v uint64)      { *t = append(*t, token{id, v}) }
func (t *tokens) mark(what tokenKind) { *t = append(*t, token{what: what}) }

// naming gives each member, by identity, another name. 0 stays nobody.
type naming []uint64

// digest is a number for the tokens under a naming.
func (t tokens) digest(n naming, seed uint64) uint64 {
	h, rest := t.run(n, seed)
	if len(rest) > 0 {
		panic("a set ends that has not begun")
	}
	return h
}

// run digests up to the end of the set that the tokens are in.
func (t tokens) run(n naming, h uint64) (uint64, tokens) {
	for len(t) > 0 {
		head := t[0]
		switch head.what {
		case plain:
			h = mix(h, head.value)
		case id:
			h = mix(h, n[head.value])
		case open:
			var sum uint64
			sum, t = t[1:].runSet(n)
			h = mix(h, sum)
		case element, closed:
			return h, t
		}
		t = t[1:]
	}
	return h, nil
}

// runSet adds up the elements of a set and leaves the token that ends it. The sum is the
// same in any order.
func (t tokens) runSet(n naming) (sum uint64, rest tokens) {
	for t[0].what == element {
		var h uint64
		h, t = t[1:].run(n, elementSeed)
		sum += finish(h)
	}
	return sum, t
}

const elementSeed = 0x9e3779b97f4a7c15

// mix folds a value into a digest.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return bits.RotateLeft64(hi^lo, 23) + v*0x8ebc6af09c88c6e3
}

// finish spreads what the last values did over all bits, so that digests can be added.
func finish(h uint64) uint64 {
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}

// namings lists all ways to name n members, the one that changes nothing first.
func namings(n int) []naming {
	first := make(naming, n+1)
	for k := range first {
		first[k] = uint64(k)
	}
	var all []naming
	var permute func(p naming, at int)
	permute = func(p naming, at int) {
		if at == len(p) {
			all = append(all, append(naming(nil), p...))
			return
		}
		for k := at; k < len(p); k++ {
			p[at], p[k] = p[k], p[at]
			permute(p, at+1)
			p[at], p[k] = p[k], p[at]
		}
	}
	permute(first, 1)
	return all
}
