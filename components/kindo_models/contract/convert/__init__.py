"""The contract in other forms (`render`), and other forms as a contract (`import`). Pure: plain values in and out.

What only the plan knows (addresses, server arguments, the gateway's configuration) is an argument.
"""
