"""The agent that turns a host into a hypervisor, network node and image library through one outbound port."""
