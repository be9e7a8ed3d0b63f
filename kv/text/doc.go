// Package text is the face of the key-value store for people: one command a line, one
// answer a line, on any member. It knows of no connection; kv/redis has those, and takes
// lines beside Redis's protocol on one port, so that nc will do.
//
//	put KEY VALUE      Ok: Appended at 12         the value is the rest of the line
//	get KEY            Ok: bar                    or Error: value does not exist
//	del KEY            Ok: Appended at 13
//	cas KEY OLD NEW    Ok: Appended at 14         only if the value is OLD, one word
//	scan [PREFIX]      Ok: 2 keys                 and a line "KEY VALUE" for each
//	help               Ok: …
//	quit               Ok: bye
//
// Commands may be written in capitals. A value that would not fit on a line, because it
// holds line breaks or is no text, is shown quoted, as Go quotes strings. A line that
// makes no sense gets an answer that says so.
package text
