"""Scrapy's commands, with exit codes that tell a script how the crawl ended."""
