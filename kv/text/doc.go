// Package text is the face of the key-value store for people with nc: one command a
// line, one answer a line, on any member.
//
//	put KEY VALUE      Ok: Appended at 12         the value is the rest of the line
//	get KEY            Ok: bar                    or Error: value does not exist
//	del KEY            Ok: Appended at 13
//	cas KEY OLD NEW    Ok: Appended at 14         only if the value is OLD, one word
//	scan [PREFIX]      Ok: 2 keys                 and a line "KEY VALUE" for each
//	help               Ok: …
//	quit               Ok: bye
//
// Lines end in LF or CRLF; commands may be written in capitals. PING is answered
// +PONG, as Redis answers it. A value that would not fit on a line, because it holds
// line breaks or is no text, is shown quoted, as Go quotes strings.
//
// Lines that arrive together are answered in order. A line that makes no sense gets an
// answer that says so and the connection lives on; a line over the limit is answered
// and ends the connection, since nobody knows what the rest of it is.
package text
