"""What differs between boards, one file each: the only ones that import `machine`, `network`, `ssl`."""
