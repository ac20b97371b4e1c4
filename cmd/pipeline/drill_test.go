package main

import "testing"

// Two drills in one checkout have a folder each, and a third takes that of the one that is over.
func TestDrillsDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	take := func() (string, func()) {
		folder, release, err := claim(dir)
		if err != nil {
			t.Fatal(err)
		}
		return folder, release
	}
	first, release := take()
	second, _ := take()
	release()
	third, _ := take()
	if first == second || third != first {
		t.Errorf("they have %s, %s and %s", first, second, third)
	}
}
