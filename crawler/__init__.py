"""URL → blob: a Scrapy project whose queue and memory is the catalog."""
