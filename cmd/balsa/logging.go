package main

import "log/slog"

// logging is how a command that runs for long writes what people should know.
type logging struct {
	LogFormat string      `help:"How log records are written: ${enum}. Default: ${default}." enum:"text,json" default:"text"`
	LogLevel  *slog.Level `help:"The least that is logged: debug, info, warn or error. Default: error in a demo, else info." placeholder:"LEVEL"`
}

// logger writes to standard error, from least on unless a flag says otherwise.
func (l logging) logger(c console, least slog.Level) *slog.Logger {
	if l.LogLevel != nil {
		least = *l.LogLevel
	}
	options := &slog.HandlerOptions{Level: least}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}
