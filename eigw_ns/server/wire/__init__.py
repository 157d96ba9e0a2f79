"""EC2's Query protocol: form fields to requests in botocore's form, and answers and errors to XML.

botocore's model of EC2 says how each member is written. Nothing here knows a single action.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
"""
