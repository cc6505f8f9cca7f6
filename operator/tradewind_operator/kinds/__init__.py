"""One pure function a kind: from what is seen to what should be done."""
