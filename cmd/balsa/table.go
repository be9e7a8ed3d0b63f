package main

import (
	"strings"
	"unicode/utf8"
)

// cell is a word of a table, and its colour.
type cell struct {
	text string
	look colour
}

// cells are words without a colour of their own.
func cells(words ...string) (row []cell) {
	for _, w := range words {
		row = append(row, cell{text: w})
	}
	return row
}

// align makes lines of rows, whose columns begin below each other.
func align(rows [][]cell, b brush) (lines []string) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	const gap = 2
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(b.paint(c.look, c.text))
			if i+1 < len(row) {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+gap))
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}
