# %% [markdown]
# # a
