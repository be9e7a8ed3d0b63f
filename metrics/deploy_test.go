package metrics_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ownNames are the metrics that an expression speaks of.
var ownNames = regexp.MustCompile(`balsa_[a-z_]+`)

// mustBeExported looks whether all that an expression speaks of is there, and is used as
// what it is.
func mustBeExported(t *testing.T, kinds map[string]string, where, expr string) {
	t.Helper()
	names := ownNames.FindAllString(expr, -1)
	if len(names) == 0 {
		t.Errorf("%s speaks of no metric: %s", where, expr)
	}
	for _, name := range names {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if cut := strings.TrimSuffix(name, suffix); kinds[cut] == "histogram" {
				base = cut
			}
		}
		kind := kinds[base]
		switch {
		case kind == "":
			t.Errorf("%s: there is no metric %s", where, name)
		case kind == "histogram" && base == name:
			t.Errorf("%s: %s is a histogram: it has _bucket, _sum and _count", where, name)
		case kind == "counter" && !regexp.MustCompile(`(rate|increase)\(`+name).MatchString(expr):
			t.Errorf("%s: %s only grows: take a rate of it", where, name)
		case kind == "gauge" && regexp.MustCompile(`(rate|increase)\(`+name).MatchString(expr):
			t.Errorf("%s: %s is a gauge, of which there is no rate", where, name)
		}
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
		t.Errorf("%s: brackets are left open: %s", where, expr)
	}
}

func TestAlertsSpeakOfMetricsThatThereAre(t *testing.T) {
	data, err := os.ReadFile("../deploy/prometheus/balsa-alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	kinds, seen := exported(t), map[string]bool{}
	for _, rule := range file.Groups[0].Rules {
		mustBeExported(t, kinds, rule.Alert, rule.Expr)
		if seen[rule.Alert] || !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
			t.Errorf("%s: there is another of the name, or its severity is none", rule.Alert)
		}
		seen[rule.Alert] = true
		for _, text := range []string{"summary", "description"} {
			if !strings.HasSuffix(rule.Annotations[text], ".") {
				t.Errorf("%s has no %s that says something: %q", rule.Alert, text, rule.Annotations[text])
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("there are %d alerts", len(seen))
	}
}

func TestTheGrafanaDashboardShowsMetricsThatThereAre(t *testing.T) {
	data, err := os.ReadFile("../deploy/grafana/balsa.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	kinds, ids, shown := exported(t), map[int]bool{}, ""
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("%s has the number of another panel", panel.Title)
		}
		ids[panel.ID] = true
		if panel.Type != "row" && len(panel.Targets) == 0 || panel.GridPos.X+panel.GridPos.W > 24 {
			t.Errorf("%s shows nothing, or lies beyond the edge", panel.Title)
		}
		for _, target := range panel.Targets {
			mustBeExported(t, kinds, panel.Title, target.Expr)
			shown += target.Expr
		}
	}
	for _, name := range []string{
		"balsa_proposal_stage_seconds", "balsa_log_sync_seconds", "balsa_elections_started_total", "balsa_has_leader", "balsa_peer_lag_entries",
		"balsa_peer_sent_bytes_total", "balsa_snapshot_seconds", "balsa_pending_proposals", "balsa_rejected_total", "balsa_log_cache_hits_total", "balsa_request_seconds",
	} {
		if !strings.Contains(shown, name) {
			t.Errorf("%s is not shown", name)
		}
	}
}
