package diff

import (
	"fmt"
	"html"
	"strings"
)

// Marker is the first line of the Markdown, by which a comment is found again.
const Marker = "<!-- pipeline diff -->"

// maxMarkdown is the most that is written, in bytes: GitHub refuses comments of over 65,536 characters (its API says so,
// github.com/telia-oss/github-pr-resource/issues/259, read on 2026-11-23).
const maxMarkdown = 60_000

// Markdown writes the report for a pull request. If it is too long, the lists of changes go first; findings stay as far
// as they fit.
func (r *Report) Markdown() string {
	head, details := r.markdownHead(), r.markdownStacks()
	if len(head)+len(details) <= maxMarkdown {
		return head + details
	}
	const note = "\nThis report is cut: it is too long for a comment. `make report` prints all of it.\n"
	if len(head) > maxMarkdown {
		cut := strings.LastIndexByte(head[:maxMarkdown], '\n')
		return head[:cut+1] + note
	}
	return head + note
}

func (r *Report) markdownHead() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n## What this change will do\n\n%s\n", Marker, r.headline())
	if len(r.Failed) > 0 {
		fmt.Fprintf(&b, "\n**Does not pass:** %s.\n", escape(strings.Join(r.Failed, ", ")))
	}
	if r.Cost != nil {
		fmt.Fprintf(&b, "\nCost: %s.\n", escape(r.Cost.String()))
	}
	r.markdownTable(&b)
	r.markdownFindings(&b)
	return b.String()
}

// markdownTable counts resources by stack. Where nothing but hashes, versions and tags differ, there is nothing to count.
func (r *Report) markdownTable(b *strings.Builder) {
	head := "\n| stack |"
	for _, h := range headings {
		head += " " + h.title + " |"
	}
	head += "\n|---|" + strings.Repeat("---|", len(headings)) + "\n"
	for _, s := range r.Stacks {
		if s.folded() {
			continue
		}
		b.WriteString(head + "| " + code(s.ID) + strings.TrimPrefix(s.title(), s.ID) + " |")
		head = ""
		for _, h := range headings {
			fmt.Fprintf(b, " %s |", number(s.count(h.actions...)))
		}
		b.WriteString("\n")
	}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func (r *Report) markdownFindings(b *strings.Builder) {
	for _, waived := range []bool{false, true} {
		title := map[bool]string{false: "Look at this", true: "Waived"}[waived]
		for _, f := range r.Findings {
			if (f.Waiver != nil) != waived {
				continue
			}
			if title != "" {
				fmt.Fprintf(b, "\n### %s\n\n", title)
				title = ""
			}
			b.WriteString("- **" + string(f.Category) + "**" + prefixed(" ", code(f.Stack)))
			if f.Resource != "" {
				b.WriteString(" " + code(f.Name) + " (" + escape(shortType(f.Type)) + ")")
			}
			b.WriteString(": " + escape(f.text()))
			if f.Waiver != nil {
				b.WriteString(" — until " + f.Waiver.Until.String() + ": " + escape(f.Waiver.Reason))
			}
			b.WriteString("\n")
			for _, detail := range f.Details {
				b.WriteString("  - " + code(clip(detail, maxDetail)) + "\n")
			}
		}
	}
	if len(r.Waivers) > 0 {
		b.WriteString("\n### Waivers that excuse nothing\n\n")
	}
	for _, w := range r.Waivers {
		b.WriteString("- " + code(w.Waiver.String()) + ": " + escape(w.Why) + "\n")
	}
}

// maxDetail is how much of a statement is shown, in characters.
const maxDetail = 400

// markdownStacks shows each change once, under all stacks that have it: those of two Regions are often twins.
func (r *Report) markdownStacks() string {
	titles := map[string][]string{}
	var bodies []string
	for _, s := range r.Stacks {
		body := s.markdown()
		if titles[body] == nil {
			bodies = append(bodies, body)
		}
		titles[body] = append(titles[body], s.title())
	}
	var b strings.Builder
	for _, body := range bodies {
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n%s\n</details>\n", html.EscapeString(strings.Join(titles[body], ", ")), body)
	}
	return b.String()
}

func (s StackChange) markdown() string {
	var b strings.Builder
	if s.Cost != nil && !s.Cost.same() {
		fmt.Fprintf(&b, "- cost: %s%s\n", escape(s.Cost.String()), escape(prefixed("; ", s.Cost.After.Note)))
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "- %s %s (%s)\n", c.Action, code(c.Name), escape(shortType(c.Type)))
		for _, p := range c.Properties {
			fmt.Fprintf(&b, "  - %s: %s\n", escape(p.Name), p.change(code))
		}
	}
	for _, line := range s.folds() {
		fmt.Fprintf(&b, "- %s: %s\n", line[0], escape(line[1]))
	}
	return b.String()
}

// code writes a text of the template as code, in which nothing is markup and nobody is mentioned.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", "¦").Replace(strings.Join(strings.Fields(text), " ")) + "`"
}

// escape makes markup plain text. A mention is broken by a character of no width.
func escape(text string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "&", "&amp;",
		"|", "\\|", "#", "\\#", "~", "\\~", "@", "@\u200b", "\n", " ", "\r", " ").Replace(text)
}
