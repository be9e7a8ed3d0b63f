package main

import (
	"testing"

	"github.com/balsaraft/balsa/sim/world"
)

func TestACampaignPlaysAllItsWorlds(t *testing.T) {
	if code := playMany(campaign{first: 1, seeds: 8, workers: 2, most: 1}); code != 0 {
		t.Errorf("8 worlds end with %d", code)
	}
}

func TestOneWorldIsTold(t *testing.T) {
	if code := playOne(3, world.Options{}, false); code != 0 {
		t.Errorf("the world ends with %d", code)
	}
}
