"""Questions that were asked once, one file each: what the defaults were chosen by. The command stands at the head of each."""
