# %% [markdown]
# # b
