"""What a run has to show: its log read, its charts drawn."""
