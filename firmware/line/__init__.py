"""The lines out of a node: to a broker over Wi-Fi or a modem, or to its Pi over a UART."""
