"""The service's HTTP side: the API, the event stream, and the page, which uses only what the API offers."""
