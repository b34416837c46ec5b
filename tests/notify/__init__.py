"""Tests of what tells the news."""
